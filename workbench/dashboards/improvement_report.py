"""One HTML file for people who have no workbench: headline, figures, tables, footnote. It loads nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from workbench.dashboards.figure import STATIC, plain_figure
from workbench.dashboards.parts import table

_STYLE = """
body{margin:0 auto;max-width:1080px;padding:28px 24px;color:#1c2733;font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"DejaVu Sans",sans-serif}h1{font-size:24px;line-height:1.3}h2{font-size:15px;margin:30px 0 6px;color:#566270}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;width:100%}td,th{text-align:right;
padding:5px 7px;border-bottom:1px solid #e3e8ee}td:first-child,th:first-child{text-align:left}.note{font-size:12.5px;
color:#566270}.wb-scroll{overflow-x:auto}button{border:0;background:none;font:inherit;font-size:12px;font-weight:400;
color:#566270;cursor:pointer;text-decoration:underline;margin-left:8px}@media print{button{display:none}}
"""

_DRAW = """
for(const [id,figure] of Object.entries(JSON.parse(document.getElementById("figures").textContent))){
 const plot=document.getElementById(id), heading=plot.previousElementSibling, name=heading.textContent;
 Plotly.newPlot(id,figure.data,figure.layout,{responsive:true,displayModeBar:false});
 for(const format of ["svg","png"]){
  const button=heading.appendChild(document.createElement("button"));
  button.textContent=format.toUpperCase();
  button.title=`Save this chart as ${button.textContent}`;
  button.onclick=()=>{
   const text=`${name}: ${document.title}`.replaceAll("&","&amp;").replaceAll("<","&lt;");
   const {margin={},height=360}=figure.layout;
   const told={text,font:{size:14},x:0,xref:"paper",xanchor:"left",y:1,yref:"paper",yanchor:"bottom",showarrow:false,
    yshift:(margin.t??30)-4};
   const annotations=[...(figure.layout.annotations??[]),told];
   const layout={...figure.layout,annotations,paper_bgcolor:"#fff",margin:{...margin,t:(margin.t??30)+36}};
   Plotly.downloadImage({data:figure.data,layout},{format,scale:format==="png"?2:1,width:plot.clientWidth,
    height:height+36,filename:name.toLowerCase().replaceAll(" ","-")});};}}
"""


def html_report(
    *,
    title: str,
    paragraphs: Sequence[str],
    figures: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    footnote: str,
    language: str = "en",
) -> bytes:
    """A self-contained page; `figures` and `tables` are by heading. Every chart saves itself as SVG or PNG."""
    names = {heading: f"figure-{place}" for place, heading in enumerate(figures, start=1)}
    specs = {names[heading]: plain_figure(spec) for heading, spec in figures.items()}
    # A "<" inside the script could end it.
    data = json.dumps(specs, allow_nan=False).replace("<", "\\u003c")
    library = (STATIC / "plotly-basic.min.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    body = [Markup("<h1>{}</h1>").format(title)]
    body += [Markup("<p>{}</p>").format(text) for text in paragraphs]
    body += [Markup('<h2>{}</h2><div id="{}"></div>').format(heading, name) for heading, name in names.items()]
    body += [Markup("<h2>{}</h2>{}").format(heading, html_table(shown)) for heading, shown in tables.items()]
    body.append(Markup('<p class="note">{}</p>').format(footnote))
    page = (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{Markup('').join(body)}"
        f'<script type="application/json" id="figures">{data}</script><script>{library}</script>'
        f"<script>{_DRAW}</script></body></html>"
    )
    return page.encode("utf-8")


def html_table(shown: pd.DataFrame) -> Markup:
    """A table as HTML, every cell escaped; blank cells are empty."""
    rows = [["" if pd.isna(one) else str(one) for one in row] for row in shown.itertuples(index=False)]
    return table(list(shown.columns), rows, texts=())
