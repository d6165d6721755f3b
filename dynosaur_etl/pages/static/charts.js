// Draws each chart of the page from the JSON beside it, in the colours of the style sheet.
"use strict";

function colour(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function trace(series, number) {
  const paint = colour(number === 0 ? "bar" : "second");
  const drawn = {
    name: series.name,
    x: series.x,
    y: series.y,
    text: series.text,
    yaxis: series.axis === 2 ? "y2" : "y",
    hovertemplate: series.text ? "%{text}<br>%{x}, %{y}<extra></extra>" : undefined,
  };
  if (series.kind === "bar") return { ...drawn, type: "bar", marker: { color: paint } };
  if (series.kind === "limit") {
    return { ...drawn, mode: "lines", line: { color: colour("bad"), dash: "dash", width: 1.5 } };
  }
  if (series.kind === "points") return { ...drawn, mode: "markers", marker: { color: paint, size: 9 } };
  if (series.kind === "dots") {
    const faint = number === 0 ? colour("field") : colour("bar");
    return { ...drawn, mode: "markers", marker: { color: faint, size: 4, opacity: number === 0 ? 0.45 : 0.9 } };
  }
  if (series.kind === "path") {
    return { ...drawn, mode: "lines+markers+text", textposition: "top right", line: { color: paint, width: 2 } };
  }
  const mode = series.x.length > 40 ? "lines" : "lines+markers";
  return { ...drawn, mode, line: { color: paint, width: 2 } };
}

const DAY_MS = 86400000;
const DAYS = { type: "date", tickformat: "%Y-%m-%d", nticks: 10 };

function axis(title, more) {
  const line = colour("line");
  return { title: { text: title || "" }, gridcolor: line, zerolinecolor: line, automargin: true, ...more };
}

function draw(figure) {
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const days = chart.series.some((series) => /^\d{4}-\d\d-\d\d$/.test(series.x[0]));
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 12 },
    margin: { t: 10, r: 10, b: 40, l: 50 },
    legend: { orientation: "h", y: 1.15 },
    xaxis: axis(chart.x, days ? { ...DAYS, dtick: chart.series[0].x.length < 12 ? DAY_MS : undefined } : { nticks: 10 }),
    yaxis: axis(chart.y, chart.range ? { range: chart.range } : { rangemode: "tozero" }),
    yaxis2: axis(chart.y2, { overlaying: "y", side: "right", showgrid: false, tickmode: "auto", rangemode: "tozero" }),
  };
  const options = { displayModeBar: false, responsive: true };
  Plotly.react(figure.querySelector(".canvas"), chart.series.map(trace), layout, options);
}

function drawAll() {
  document.querySelectorAll("figure.plot").forEach(draw);
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
