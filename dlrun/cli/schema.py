"""`dlrun schema`: JSON Schema of the files that a user writes, so that an editor completes and underlines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dlrun.errors import StorageError, UserError

if TYPE_CHECKING:
    from dlrun.config.catalog import Catalog

__all__ = ["command"]

_FOLDER = Path(".dlrun", "schema")
_SETTINGS = Path(".vscode", "settings.json")
_KEY = "yaml.schemas"


@click.command(name="schema", short_help="JSON Schema of config files, for editors.")
@click.argument("kind", required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the schema to FILE.")
@click.option("--write", is_flag=True, help="Write all schemas into the project, and say how to use them.")
@click.option("--vscode", is_flag=True, help="--write, and name them in .vscode/settings.json.")
@click.option("--modelines", is_flag=True, help="--write, and name them in the first line of the project's files.")
def command(kind: str | None, out: Path | None, write: bool, vscode: bool, modelines: bool) -> None:
    """Print the JSON Schema of a kind of file: experiment, project, or option/GROUP.

    An editor with a YAML language server then completes names, shows what keys mean and underlines mistakes.
    In a project, dlrun schema --vscode is all that VS Code's YAML extension needs.
    """
    from dlrun.config.catalog import Catalog
    from dlrun.config.roots import Roots

    catalog = Catalog(Roots.of(Path.cwd()))
    if write or vscode or modelines:
        if kind or out:
            raise UserError(f"--write writes all schemas: leave {kind or '--out'} out.")
        _write_all(catalog, vscode, modelines)
        return
    text = _text(catalog, _kind(catalog, kind or "experiment"))
    if out is None:
        click.echo(text, nl=False)
    else:
        _save(out, text)
        click.echo(f"wrote {out}")


def _kind(catalog: Catalog, kind: str) -> str:
    from dlrun.config.suggest import did_you_mean
    from dlrun.models.schemas import kinds

    known = kinds(catalog)
    for found in (kind, f"option/{kind}"):
        if found in known:
            return found
    mend = did_you_mean(kind, [*known, *catalog.groups], shown="dlrun schema {}")
    way = mend or "dlrun schema --help tells more."
    raise UserError(f"KIND must be experiment, project or option/GROUP; got {kind}. {way}")


def _text(catalog: Catalog, kind: str) -> str:
    from dlrun.models.schemas import config_schema, option_schema

    group = kind.removeprefix("option/")
    schema = config_schema(catalog, kind) if group == kind else option_schema(catalog, group)
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _write_all(catalog: Catalog, vscode: bool, modelines: bool) -> None:
    from dlrun.config.roots import shown_path

    project = catalog.roots.project
    if project is None:
        mend = "Make one: mkdir -p conf && touch conf/project.yaml."
        raise UserError(f"dlrun schema --write must be called in a project: a folder with conf/project.yaml. {mend}")
    schemas = _files(catalog)
    settings = _settings(project, schemas) if vscode else None
    for file, (kind, _) in schemas.items():
        _save(project / file, _text(catalog, kind))
    click.echo(f"wrote {len(schemas)} schemas to {shown_path(project / _FOLDER, catalog.roots.directory)}/")
    if settings is not None:
        _save(project / _SETTINGS, settings)
        click.echo(
            f"wrote {shown_path(project / _SETTINGS, catalog.roots.directory)}; VS Code needs Red Hat's YAML extension"
        )
    if modelines:
        changed = _put_modelines(project, schemas)
        click.echo(f"put a line at the top of {len(changed)} files: {', '.join(changed) or 'all have it'}")
    if not (vscode or modelines):
        _say_how(schemas)
    click.echo("After you add an option or an experiment, type the same again.")


def _files(catalog: Catalog) -> dict[str, tuple[str, str]]:
    """The path of each schema in the project: its kind, and the pattern of the files that it is for."""
    from dlrun.models.schemas import kinds

    patterns = {"experiment": "experiments/*.yaml", "project": "conf/project.yaml"}
    return {
        (_FOLDER / f"{kind.replace('/', '-')}.json").as_posix(): (
            kind,
            patterns.get(kind, f"conf/{kind.removeprefix('option/')}/*.yaml"),
        )
        for kind in kinds(catalog)
    }


def _settings(project: Path, schemas: dict[str, tuple[str, str]]) -> str:
    """VS Code's settings with the schemas in them, whatever else they hold.

    Raises:
        UserError: they cannot be read, so they are left alone.
    """
    path = project / _SETTINGS
    try:
        settings: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        others = {file: pattern for file, pattern in settings.get(_KEY, {}).items() if file not in schemas}
    except (OSError, ValueError, AttributeError):
        entry = json.dumps({_KEY: _entry(schemas)}, indent=2)
        raise UserError(f"{path} must be plain JSON to be added to. Put this into it yourself:\n{entry}") from None
    return json.dumps({**settings, _KEY: {**others, **_entry(schemas)}}, indent=2) + "\n"


def _entry(schemas: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {file: pattern for file, (_, pattern) in schemas.items()}


def _put_modelines(project: Path, schemas: dict[str, tuple[str, str]]) -> list[str]:
    from dlrun.config.yamlfile import MODELINE

    changed = []
    for file, (_, pattern) in schemas.items():
        for path in sorted(project.glob(pattern)):
            if path.is_symlink():  # it may lie anywhere
                continue
            text = _text_of(path)
            if not any(line.startswith(MODELINE) for line in text.splitlines()):
                up = "../" * (len(path.relative_to(project).parts) - 1)
                _save(path, f"{MODELINE} $schema={up}{file}\n{text}")
                changed.append(path.relative_to(project).as_posix())
    return changed


def _text_of(path: Path) -> str:
    """The file as it is, with its own ends of lines.

    Raises:
        UserError: it is no UTF-8 text.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} must be UTF-8 text: byte {error.start} is not. It was left alone.") from error


def _say_how(schemas: dict[str, tuple[str, str]]) -> None:
    first = next(iter(schemas))
    click.echo(
        f"""
For VS Code with Red Hat's YAML extension:
  dlrun schema --vscode
For any editor with yaml-language-server, a line at the top of each of the project's files:
  dlrun schema --modelines
which is, in experiments/NAME.yaml:
  # yaml-language-server: $schema=../{first}
"""
    )


def _save(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
