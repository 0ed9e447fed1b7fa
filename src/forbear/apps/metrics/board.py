"""What a dashboard of Grafana is made of.

A dashboard is a list of rows of panels; ids and places follow from their order, so that a change of one is a small
change of its file. Grafana 10 and later read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["timeseries", "stat", "table", "bargauge"]
SCHEMA_VERSION = 39
"""Of Grafana 10's dashboards."""
_WIDTH, _HEIGHT = 24, 8
_ORANGE, _RED, _GREEN = "#E69F00", "#D55E00", "#009E73"
"""Told apart by people who do not tell red from green."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. queries: by what the legend says.  unit: as Grafana names it.  says: what it shows, and why.

    warn, alarm: where the colour changes; None for nowhere.
    """

    title: str
    queries: dict[str, str]
    says: str
    unit: str = "short"
    kind: Kind = "timeseries"
    warn: float | None = None
    alarm: float | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. rows: panels that stand beside each other, by the title of their row."""

    uid: str
    title: str
    says: str
    rows: dict[str, tuple[Panel, ...]]

    def document(self) -> dict[str, Any]:
        """As Grafana reads it."""
        panels: list[dict[str, Any]] = []
        top = 0
        for title, row in self.rows.items():
            place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
            panels.append(
                {
                    "id": len(panels) + 1,
                    "type": "row",
                    "title": title,
                    "collapsed": False,
                    "gridPos": place,
                    "panels": [],
                }
            )
            width = _WIDTH // len(row)
            for nth, panel in enumerate(row):
                place = {"x": nth * width, "y": top + 1, "w": width, "h": _HEIGHT}
                panels.append(_panel(panel, len(panels) + 1, place))
            top += 1 + _HEIGHT
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.says,
            "tags": ["forbear"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "15s",
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": []},
            "links": [],
            "templating": {"list": [_DATA_SOURCE]},
            "panels": panels,
        }


_DATA_SOURCE = {
    "name": "datasource",
    "label": "Prometheus",
    "type": "datasource",
    "query": "prometheus",
    "hide": 0,
    "refresh": 1,
    "regex": "",
    "includeAll": False,
    "multi": False,
    "options": [],
    "current": {},
}
_FROM = {"type": "prometheus", "uid": "${datasource}"}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    now = panel.kind != "timeseries"
    targets = [
        {
            "refId": chr(ord("A") + nth),
            "datasource": _FROM,
            "expr": query,
            "legendFormat": legend,
            "instant": now,
            "range": not now,
            **({"format": "table"} if panel.kind == "table" else {}),
        }
        for nth, (legend, query) in enumerate(panel.queries.items())
    ]
    steps: list[dict[str, Any]] = [{"color": _GREEN, "value": None}]
    steps += [
        {"color": colour, "value": at} for colour, at in ((_ORANGE, panel.warn), (_RED, panel.alarm)) if at is not None
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _FROM,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": _options(panel.kind),
        "targets": targets,
    }


def _options(kind: Kind) -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match kind:
        case "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "table":
            return {"showHeader": True}
        case "bargauge":
            return {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": reduced}
        case "stat":
            return {"colorMode": "value", "graphMode": "area", "reduceOptions": reduced}


def quantiles(name: str, by: str = "") -> dict[str, str]:
    """p50, p95 and p99 of a recorded histogram. by: the label that the legend names beside."""
    return {f"{f'{{{{{by}}}}} ' if by else ''}p{part}": f"forbear:{name}:p{part}" for part in (50, 95, 99)}
