"""How the page looks: light, readable on a phone and on paper, without any font or file from elsewhere."""

STYLE = """
:root { --ink: #1f2733; --soft: #5b6675; --line: #dde2e8; --paper: #ffffff; --wash: #f6f8fa; --blue: #2f5f9e;
  --good: #1f6f43; --good-wash: #e4f3ea; --bad: #a1302a; --bad-wash: #fbe9e7; --warn: #8a5a00; --warn-wash: #fdf3dc; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; color: var(--ink); background: var(--paper);
  font: 16px/1.55 Inter, "Segoe UI", system-ui, -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 2rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .75rem; padding-bottom: .35rem; border-bottom: 2px solid var(--ink); font-size: 1.45rem; line-height: 1.25; }
h3 { margin: 1.9rem 0 .5rem; font-size: 1.08rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--blue); }
ul { margin: .5rem 0; padding-left: 1.25rem; }
li { margin: .3rem 0; max-width: 46rem; overflow-wrap: anywhere; }
code { font: .86em/1.4 ui-monospace, SFMono-Regular, Consolas, Menlo, monospace; overflow-wrap: anywhere; }
nav { margin: 1.25rem 0; padding: .75rem 1rem; background: var(--wash); border: 1px solid var(--line); border-radius: .5rem; }
nav ol { margin: 0; padding-left: 1.4rem; columns: 15rem; }
nav li { margin: .1rem 0; break-inside: avoid; }
section { scroll-margin-top: 1rem; }
.note { color: var(--soft); font-size: .93rem; }
.missing { padding: .45rem .75rem; background: var(--warn-wash); border-left: 3px solid var(--warn); font-size: .93rem; }
dd .missing, td .missing { margin: 0; padding: .1rem .5rem; }
dl { margin: .75rem 0; border-top: 1px solid var(--line); }
dl > div { display: grid; grid-template-columns: 16rem 1fr; gap: 0 1.25rem; padding: .4rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); font-size: .93rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { margin: .75rem 0 1.25rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; line-height: 1.4; }
caption { padding: 0 0 .35rem; text-align: left; color: var(--soft); }
th { text-align: left; font-weight: 600; vertical-align: bottom; border-bottom: 1.5px solid var(--ink); }
td { vertical-align: top; border-bottom: 1px solid var(--line); min-width: 4.5rem; max-width: 26rem; overflow-wrap: break-word; }
th, td { padding: .38rem .75rem .38rem 0; }
tbody tr:hover { background: var(--wash); }
td.number, td data { font-variant-numeric: tabular-nums; }
td.number, .interval { white-space: nowrap; }
td.words { min-width: 13rem; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; background: var(--wash); font-size: .85em; white-space: nowrap; }
.badge.good { color: var(--good); background: var(--good-wash); }
.badge.bad { color: var(--bad); background: var(--bad-wash); }
.badge.warn { color: var(--warn); background: var(--warn-wash); }
figure { margin: .75rem 0 1.25rem; }
figcaption { color: var(--soft); font-size: .88rem; margin-bottom: .2rem; }
figure svg { display: block; max-width: 100%; height: auto; }
figure.scroll svg { min-width: 32rem; }
figure img { max-width: 100%; height: auto; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(16.5rem, 1fr)); gap: .5rem 1.25rem; }
.grid figure { margin: 0; }
svg text { font-family: inherit; }
@media (max-width: 40rem) {
  body { padding: 1rem .9rem 3rem; font-size: 15px; }
  h1 { font-size: 1.6rem; }
  dl > div { grid-template-columns: 1fr; }
  td { min-width: 5.5rem; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { break-after: page; }
  h2, h3, figcaption, caption { break-after: avoid; }
  tr, figure, dl > div { break-inside: avoid; }
  .scroll { overflow: visible; }
  td, td.words { min-width: 0; }
  .interval { white-space: normal; }
  table { font-size: 8pt; }
  a { color: inherit; text-decoration: none; }
}
"""
