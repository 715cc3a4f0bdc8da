"""Croissant 1.0 metadata (JSON-LD) beside a release, so that catalogues and loaders find it.

Format: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from idfd.release.layout import ARRAYS
from idfd.release.store import ReleaseFile
from idfd.storage.durable import write_bytes
from idfd.storage.hashing import sha256_file

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "equivalentProperty": "cr:equivalentProperty",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant_metadata(path: Path) -> dict[str, Any]:
    """Describe a release in Croissant 1.0.

    The triples stand in the record set with their metadata; the arrays stay in the HDF5 file,
    which Croissant 1.0 cannot look into, and are described in words.

    Args:
        path: The release file.
    """
    with ReleaseFile(path) as file:
        info = file.info
        home = {take: name for name, takes in file.splits.items() for take in takes}
        present = {array for take in file.ids for array in ARRAYS if file.has(take, array)}
        rows = []
        for take in file.ids:
            record = file.record(take)
            rows.append(
                {
                    "triples/id": take,
                    "triples/split": home[take],
                    "triples/scene": record.scene,
                    "triples/environment": record.environment,
                    "triples/f_number_all_in_focus": record.all_in_focus
                    and record.all_in_focus.f_number,
                    "triples/f_number_defocused": record.defocused and record.defocused.f_number,
                    "triples/has_defocus": file.has(take, "defocus"),
                    "triples/absent": ", ".join(record.absent),
                }
            )
    arrays = "; ".join(
        f"{name} ({spec.units}): {spec.description}"
        for name, spec in ARRAYS.items()
        if name in present
    )
    fields = {
        "id": "sc:Text",
        "split": "sc:Text",
        "scene": "sc:Text",
        "environment": "sc:Text",
        "f_number_all_in_focus": "sc:Float",
        "f_number_defocused": "sc:Float",
        "has_defocus": "sc:Boolean",
        "absent": "sc:Text",
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": re.sub(r"[^A-Za-z0-9_.-]", "-", info.name),
        "description": f"{info.title}. Triples of an all-in-focus photo, a defocused photo and "
        f"depth, in one HDF5 file; /triples/<id>/ holds {arrays}.",
        "version": info.version,
        "license": info.licence,
        "citeAs": info.citation,
        "url": path.name,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "release",
                "name": path.name,
                "description": "The release",
                "contentUrl": path.name,
                "contentSize": f"{path.stat().st_size} B",
                "encodingFormat": "application/x-hdf5",
                "sha256": sha256_file(path),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "triples",
                "name": "triples",
                "description": "One record for each group /triples/<id>",
                "key": {"@id": "triples/id"},
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"triples/{name}",
                        "name": name,
                        "description": name.replace("_", " "),
                        "dataType": kind,
                    }
                    for name, kind in fields.items()
                ],
                "data": rows,
            }
        ],
    }


def write_croissant(path: Path) -> Path:
    """Write ``<release>.croissant.json`` beside a release and return its path."""
    target = path.with_suffix(".croissant.json")
    write_bytes(target, json.dumps(croissant_metadata(path), indent=2).encode() + b"\n")
    return target
