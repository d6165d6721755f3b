"""`citations.bib`: both methods and every source, as BibTeX."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

METHODS = """\
@inproceedings{yin2023dynosaur,
  title     = {Dynosaur: A Dynamic Growth Paradigm for Instruction-Tuning Data Curation},
  author    = {Yin, Da and Liu, Xiao and Yin, Fan and Zhong, Ming and Bansal, Hritik and Han, \
Jiawei and Chang, Kai-Wei},
  booktitle = {Proceedings of the 2023 Conference on Empirical Methods in Natural Language \
Processing},
  year      = {2023},
  note      = {arXiv:2305.14327}
}

@inproceedings{bukharin2024data,
  title     = {Data Diversity Matters for Robust Instruction Tuning},
  author    = {Bukharin, Alexander and Li, Shiyang and Wang, Zhengyang and Yang, Jingfeng and \
Yin, Bing and Li, Xian and Zhang, Chao and Zhao, Tuo and Jiang, Haoming},
  booktitle = {Findings of the Association for Computational Linguistics: EMNLP 2024},
  year      = {2024},
  note      = {arXiv:2311.14736}
}
"""

_UNSAFE = re.compile(r"[^\w .,:;/@+=?!()'-]")
_NOT_IN_ADDRESSES = re.compile(r"[^\w.:/@+=?&%#~-]", re.ASCII)


def write_citations(sources: pa.Table, path: Path) -> None:
    """Write the two methods and one entry a source; foreign text cannot leave its braces."""
    entries = [METHODS, *_entries(sources.to_pylist())]
    path.write_text("\n".join(entries), encoding="utf-8", newline="\n")


def _entries(sources: list[Mapping[str, Any]]) -> Iterator[str]:
    for number, source in enumerate(sources, start=1):
        owner = source["dataset"].partition("/")[0]
        lines = (
            f"@misc{{source{number},",
            f"  title        = {{{_text(source['pretty_name'] or source['dataset'])}}},",
            f"  author       = {{{{{_text(owner)}}}}},",
            f"  howpublished = {{\\url{{{_NOT_IN_ADDRESSES.sub('', source['url'])}}}}},",
            f"  note         = {{{_text(source['dataset'])} at revision "
            f"{_text(source['revision'])}; licence: {_text(source['licence'])}}}",
            "}",
        )
        yield "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return " ".join(_UNSAFE.sub(" ", text).split())
