"""How the page looks: one palette for text and plots, light and dark, and its style sheet."""

from __future__ import annotations

from typing import NamedTuple


class Tone(NamedTuple):
    """A colour on the light page and on the dark one, as #rrggbb."""

    light: str
    dark: str


PALETTE = {
    "ink": Tone("#1a2530", "#e3e8ed"),
    "muted": Tone("#56636f", "#9fadb9"),
    "rule": Tone("#dde3e8", "#2d3741"),
    "page": Tone("#f6f7f8", "#10151a"),
    "surface": Tone("#fffffe", "#171d23"),
    "accent": Tone("#0b5d93", "#5fb3ea"),
    "tint": Tone("#eaf2f8", "#152b3b"),
    "amber": Tone("#b0500a", "#f0a25a"),
    "amber-tint": Tone("#fdf1e3", "#33230f"),
    "slate": Tone("#6c7883", "#94a2ae"),
    "teal": Tone("#0f766f", "#4fc4b6"),
    "red": Tone("#b3261e", "#f2857c"),
    "sky": Tone("#4288b9", "#3d7fae"),
    "navy": Tone("#0a2f4c", "#b5dcf6"),
}
"""Every light colour stands for one name only: a plot's colours are found again by it."""

MODEL_LINES = (("accent", ""), ("amber", "7 3"), ("slate", "2 2"), ("teal", "9 3 2 3"))
"""Colour and dash pattern of the models, by rank; told apart without colour too."""

BUDGET_LINES = (("sky", "2 2"), ("accent", ""), ("navy", "7 3"))
"""Colour and dash pattern of the alert budgets, from the smallest."""

DIRECTIONS = {
    1: ("amber", "\N{UPWARDS ARROW}", "large values raise the probability"),
    -1: ("accent", "\N{DOWNWARDS ARROW}", "large values lower it"),
    0: ("slate", "\N{UP DOWN ARROW}", "either way"),
}
"""Colour, mark and meaning of a feature's direction of risk."""

_RULES = """
*,*::before,*::after{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);line-height:1.55;font-size:1rem;
 font-family:"Inter","Segoe UI",-apple-system,"Helvetica Neue","Liberation Sans",Arial,sans-serif}
header,main,footer{max-width:1100px;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.75rem}
h1,h2,h3,p,dl,dd,figure,ul,ol{margin:0;padding:0}
h1{font-size:1.0625rem;font-weight:600;letter-spacing:.005em}
h2{font-size:1.375rem;font-weight:600;letter-spacing:-.01em;line-height:1.3;margin-bottom:1rem}
h3{font-size:1.0625rem;font-weight:600;line-height:1.35}
section{margin-top:3.5rem}
a{color:var(--accent)}
.eyebrow{font-size:.8125rem;color:var(--muted);margin-top:.125rem}
.synthetic{border-left:4px solid var(--amber);background:var(--amber-tint);padding:.75rem 1rem;
 border-radius:0 6px 6px 0;margin-bottom:2rem;font-size:.9375rem}
.synthetic strong{color:var(--amber)}
.headline{font-family:Charter,"Iowan Old Style","Palatino Linotype",Georgia,"Liberation Serif",serif;
 font-size:clamp(1.5rem,1.1rem + 1.9vw,2.25rem);line-height:1.25;letter-spacing:-.012em;margin:1.75rem 0 1rem;
 max-width:30em;text-wrap:pretty}
.headline .estimate{white-space:nowrap;color:var(--accent)}
.headline strong{font-weight:600}
.beside{color:var(--muted);max-width:48em}
.lead{color:var(--muted);max-width:48em;margin:-.625rem 0 1.25rem}
.because{max-width:48em;margin:-.25rem 0 1.25rem}
.prose{max-width:48em}
.block+.block{margin-top:1.5rem}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1px;background:var(--rule);
 border:1px solid var(--rule);border-radius:10px;overflow:hidden;margin-top:2.25rem}
.tiles>div{background:var(--surface);padding:1.125rem 1.25rem}
.tiles dt{font-size:.8125rem;color:var(--muted)}
.tiles dd.value{font-size:1.5rem;font-weight:600;letter-spacing:-.015em;line-height:1.35;
 font-variant-numeric:tabular-nums}
.tiles dd.more{font-size:.8125rem;color:var(--muted);line-height:1.45}
.terms{display:grid;grid-template-columns:minmax(8rem,12rem) 1fr;gap:.625rem 1.5rem;max-width:60em}
.terms dt{color:var(--muted);font-size:.9375rem}
.terms dd{overflow-wrap:anywhere}
.mono,.terms dd.mono{font-family:ui-monospace,"SF Mono","Cascadia Mono","Liberation Mono",Menlo,monospace;
 font-size:.8125rem}
.scroll{overflow-x:auto;background:var(--surface);border:1px solid var(--rule);border-radius:10px}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:1rem 1.25rem .25rem;font-size:.875rem;color:var(--muted)}
th,td{padding:.4375rem 1.25rem;text-align:right;vertical-align:top;border-top:1px solid var(--rule);font-weight:400}
th[scope=row],th[scope=rowgroup],thead th:first-child,.text{text-align:left}
thead th{border-top:0;font-weight:600;vertical-align:bottom;overflow-wrap:break-word;min-width:6.5rem}
.figures table{table-layout:fixed}
.figures thead th:first-child{width:34%}
th.group small{display:inline;margin-left:.75em;font-size:inherit}
th.group{padding-top:1.375rem;font-size:.8125rem;font-weight:600;color:var(--accent);border-top:0}
.bins th{overflow-wrap:anywhere}
.bins td{padding-top:.25rem;padding-bottom:.25rem;border-top-color:transparent}
.bins tr:first-child>*{border-top-color:var(--rule)}
th small,td small{display:block;color:var(--muted);font-size:.8125rem;line-height:1.4;font-weight:400}
td small{white-space:nowrap}
td.long small{white-space:normal}
.leads{background:var(--tint)}
td.leads{font-weight:600}
sup{line-height:0;font-size:.75em;margin-left:.1em}
.footnotes{list-style:none;margin-top:.75rem;font-size:.8125rem;color:var(--muted)}
.grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.5rem}
.grid figcaption{align-self:start}
.card{background:var(--surface);border:1px solid var(--rule);border-radius:10px;padding:1.375rem 1.5rem 1.5rem;
 display:grid;grid-row:span 5;grid-template-rows:subgrid;grid-template-columns:minmax(0,1fr);row-gap:.75rem;
 min-width:0}
.card.wide{grid-column:1/-1;grid-row:auto;grid-template-rows:auto 1fr;column-gap:2.5rem;align-items:start;
 grid-template-columns:minmax(0,1.15fr) minmax(0,1fr)}
.card.whole{display:flex;flex-direction:column;grid-column:1/-1}
.long{min-width:15rem}
.card.narrow{grid-column:auto}
.scroll+details,.grid+details,.card+details{margin-top:1rem}
section>.legend+.grid,section>.legend+.card{margin-top:1rem}
section>.grid+.scroll,section>.scroll+.scroll,section>.scroll+.grid{margin-top:1.5rem}
.card .how{font-size:.875rem;color:var(--muted)}
.card figcaption{font-size:.9375rem}
.card.wide .side{grid-row:1/3}
.card .side{display:flex;flex-direction:column;gap:1rem;min-width:0}
.card .scroll{border:0;border-radius:0}
.card caption,.card th:first-child{padding-left:0}
.card th,.card td{padding:.4375rem .5rem}
.card thead th{min-width:4rem}
.people{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1.5rem}
.person{background:var(--surface);border:1px solid var(--rule);border-radius:10px;padding:1.375rem 1.5rem 1.5rem;
 display:flex;flex-direction:column;gap:.75rem;min-width:0;overflow-wrap:anywhere}
.person h4{margin:.25rem 0 -.375rem;font-size:.9375rem;font-weight:600}
.person .standing{font-weight:400;color:var(--muted);white-space:nowrap}
.person .how{font-size:.875rem;color:var(--muted)}
.person ol,.person ul{padding-left:1.25rem;display:flex;flex-direction:column;gap:.5rem;font-size:.9375rem}
.person small{display:block;color:var(--muted);font-size:.8125rem;line-height:1.4}
.person .plot{margin-top:auto;padding-top:.25rem}
.absent{color:var(--muted);border:1px dashed var(--rule);border-radius:8px;padding:2.5rem 1.25rem;text-align:center;
 font-size:.9375rem}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.8125rem}
.legend li{display:flex;align-items:center;gap:.5rem;overflow-wrap:anywhere}
.legend svg{flex:none}
.plot svg{display:block;width:100%;height:auto}
.plot svg *{stroke-linejoin:round;stroke-linecap:butt}
.plot text{font-family:inherit!important}
.chips{list-style:none;display:flex;flex-wrap:wrap;gap:.375rem;margin-top:.5rem}
.chips li{background:var(--surface);border:1px solid var(--rule);border-radius:4px;padding:.125rem .5rem;
 overflow-wrap:anywhere}
.notes{padding-left:1.25rem;max-width:48em;display:flex;flex-direction:column;gap:.5rem}
summary{cursor:pointer;font-weight:600;color:var(--accent);margin-bottom:.75rem}
footer{margin-top:4rem;padding-top:2rem;padding-bottom:3rem;border-top:1px solid var(--rule);font-size:.9375rem}
footer h2{font-size:1.0625rem;margin-bottom:1rem}
footer .closing{margin-top:1.5rem;color:var(--muted);font-size:.8125rem}
@media (max-width:46rem){
 header,main,footer{padding-left:1rem;padding-right:1rem}
 header{padding-top:1.5rem}
 .grid,.card.wide,.people{grid-template-columns:minmax(0,1fr)}
 .person th,.person td{padding:.4375rem .25rem}
 .card.wide .side{grid-row:auto}
 .card{padding:1.125rem 1rem 1.25rem}
 .tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
 .tiles>div{padding:.875rem 1rem}
 .card.whole:not(.narrow) .plot{overflow-x:auto}
 .card.whole:not(.narrow) .plot svg{min-width:40rem}
 .figures table{table-layout:auto}
 th.group small{display:block;margin-left:0}
 .terms{grid-template-columns:1fr;gap:.125rem}
 .terms dd{margin-bottom:.75rem}
 table{font-size:.875rem}
 th,td{padding:.4375rem .375rem}
 th:first-child{padding-left:.75rem}
 th:last-child,td:last-child{padding-right:.75rem}
 caption{padding:.875rem .75rem .25rem}
 thead th{min-width:0}
 th small,td small{font-size:.75rem}
 td.text small{white-space:normal}
}
@media print{
 html{font-size:9.5pt}
 body{background:none}
 .tiles{grid-template-columns:repeat(4,1fr)}
 header,main,footer{max-width:none;padding-left:0;padding-right:0}
 section{margin-top:2rem}
 .card,.person,.tiles,.bins,tr{break-inside:avoid}
 h2,h3,caption{break-after:avoid}
 .scroll{overflow:visible}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
}
@page{margin:16mm 14mm}
"""


def style_sheet() -> str:
    """The whole style sheet. Dark is for screens only, so that paper stays white."""
    light = _variables({name: tone.light for name, tone in PALETTE.items()})
    dark = _variables({name: tone.dark for name, tone in PALETTE.items()})
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{_RULES}"


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
