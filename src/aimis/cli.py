"""The command line. What a command needs is imported inside it, so that `aimis --help` answers at once."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aimis.domain.errors import AimisError, UsageError

CANNOT_WORK, WRONG_USAGE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141

app = typer.Typer(
    name="aimis",
    help="AI readers for medical images. Research use only; not a cleared medical device.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
readers_app = typer.Typer(rich_markup_mode=None)
app.add_typer(readers_app, name="readers")
clinician_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Who may see the clinicians' queue.")
app.add_typer(clinician_app, name="clinician")


class Language(StrEnum):
    """Of all that a person reads."""

    EN = "en"
    ZH = "zh"


class OperatingPoint(StrEnum):
    """From the most sensitive to the one with the fewest false alarms."""

    SCREENING = "screening"
    BALANCED = "balanced"
    SPECIFIC = "specific"


LanguageOption = Annotated[
    Language | None, typer.Option("--language", help="Of all that a person reads: English or Chinese.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line on standard output, nothing else.")]


@app.callback(invoke_without_command=True)
def options(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False
) -> None:
    """Options of the program itself."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"aimis {version_of('aimis')}")
        raise typer.Exit


@app.command()
def read(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Photographs, videos, CT scans, folders, globs or zips.")
    ],
    *,
    reader: Annotated[
        list[str] | None, typer.Option("--reader", metavar="ID", help="Use this reader only; may be given again.")
    ] = None,
    exam: Annotated[bool, typer.Option("--exam", help="All stills of each PATH are one examination.")] = False,
    prior: Annotated[
        str | None, typer.Option("--prior", metavar="OLD", help="Compare each CT with this earlier one.")
    ] = None,
    json: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write PDF, HTML, JSON and overlays there, and the record."),
    ] = None,
    language: LanguageOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="N", min=1, help="Files read at the same time, while one more is loaded; else one a core."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Do not read again what the record in DIR holds.")] = False,
    operating_point: Annotated[
        OperatingPoint | None,
        typer.Option("--operating-point", help="How sensitive, at the price of false alarms; else each reader's own."),
    ] = None,
) -> None:
    """Read photographs, examinations, videos and CT scans: what is in them, how sure, and where.

    Exit status: 0 when every item was read, 3 when some were not, 2 for wrong usage, 130 after Ctrl-C.
    """
    with _exit_status():
        from aimis.console import session

        asked = session.Request(
            paths=tuple(paths),
            readers=tuple(reader or ()),
            exam=exam,
            prior=prior,
            json=json,
            report=report,
            language=language,
            jobs=jobs,
            resume=resume,
            operating_point=operating_point,
        )
        raise typer.Exit(session.read(asked))


@app.command()
def live(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A device (/dev/video0), an rtsp, udp or http URL, or a video."),
    ],
    *,
    reader: Annotated[str | None, typer.Option("--reader", metavar="ID", help="Use this reader.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Kept frames and their report go there.")
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; else any free one.")] = 0,
    language: LanguageOption = None,
    operating_point: Annotated[
        OperatingPoint | None,
        typer.Option("--operating-point", help="How sensitive, at the price of false alarms; else the reader's."),
    ] = None,
) -> None:
    """Watch an examination as it is made: a local page shows the stream, what is judged and where.

    Kept frames are read as one examination when it ends. Exit status as of `read`; 1 where the stream does not come.
    """
    with _exit_status():
        from aimis.console import live as session

        asked = session.Request(
            source=source,
            reader=reader,
            report=report,
            host=host,
            port=port,
            language=language,
            operating_point=operating_point,
        )
        raise typer.Exit(session.live(asked))


@readers_app.callback(invoke_without_command=True)
def readers(context: typer.Context, *, json: JsonOption = False, language: LanguageOption = None) -> None:
    """List the readers, or show one's model card."""
    if context.invoked_subcommand is None:
        with _exit_status():
            from aimis.console import catalogue

            catalogue.list_readers(as_json=json, language=language)


@readers_app.command("show")
def show_reader(
    reader_id: Annotated[str, typer.Argument(metavar="ID", help="The reader, as `aimis readers` lists it.")],
) -> None:
    """Show a reader's model card: what it is for, what it was trained on, how well it reads."""
    with _exit_status():
        from aimis.console import catalogue

        catalogue.show_card(reader_id)


@app.command()
def doctor(*, json: JsonOption = False, language: LanguageOption = None) -> None:
    """Say what is wrong here and how to mend it.

    Looks at engine, precision, processors, memory, words, and the readers' weights and networks.

    Exit status: 0 when nothing is wrong, 1 when something is.
    """
    with _exit_status():
        from aimis.console import checkup

        raise typer.Exit(checkup.run(as_json=json, language=language))


@app.command()
def report(
    record: Annotated[Path, typer.Argument(metavar="READINGS.jsonl", help="The record that --report left in its DIR.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the reports go.")],
    *,
    language: LanguageOption = None,
) -> None:
    """Write the reports of an earlier run again.

    Nothing is read anew: for another language, or after an update of the reports.

    Exit status: 0 when every report has its photographs, 3 when some were not found or have changed.
    """
    with _exit_status():
        from aimis.console import rewriting

        raise typer.Exit(rewriting.rewrite(record, folder, language=language))


@app.command()
def consult(
    *,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="A JSON object a line in, one a line out.")] = False,
    knowledge: Annotated[str, typer.Option("--knowledge", metavar="NAME", help="The set to ask by.")] = "primary",
    differential: Annotated[
        bool, typer.Option("--differential", help="With --jsonl: list the whole differential.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FILE", help="Keep the consultation there; go on from it.")
    ] = None,
    max_questions: Annotated[int, typer.Option("--max-questions", metavar="N", min=0, max=100, help="At most.")] = 15,
    language: LanguageOption = None,
) -> None:
    """Ask about symptoms: how urgent it is, what it may be and why, what to do.

    It does not replace a doctor. In an emergency call your emergency number first.
    """
    with _exit_status():
        from aimis.console import consulting

        asked = consulting.Request(
            knowledge=knowledge,
            language=language,
            max_questions=max_questions,
            state=state,
            differential=differential,
        )
        consulting.consult(asked, as_jsonl=jsonl)


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen at.")] = None,
    port: Annotated[int | None, typer.Option("--port", metavar="N", min=0, help="Port to listen at.")] = None,
) -> None:
    """Serve consultations: pages for the phone, the HTTP API, WeChat, and the clinicians' queue.

    What is kept lies in a PostgreSQL database of our own, or in the one that AIMIS_DATABASE_URL names.
    """
    with _exit_status():
        from aimis.web import commands

        commands.serve(host=host, port=port)


@clinician_app.command("set")
def set_clinician(name: Annotated[str, typer.Argument(metavar="NAME", help="As the clinician logs in.")]) -> None:
    """Add a clinician who may see the queue, or change the password, which is asked for or read from a pipe."""
    with _exit_status():
        from aimis.web import commands

        commands.set_clinician(name)


@app.command()
def knowledge(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The set, as `aimis consult --knowledge` takes it.")] = (
        "primary"
    ),
    *,
    pages: Annotated[
        Path | None, typer.Option("--pages", metavar="DIR", help="Write a page a condition there.")
    ] = None,
    language: LanguageOption = None,
) -> None:
    """Check a set of knowledge and count what it holds.

    Exit status: 0 when it holds together, 1 when something is missing or wrong.
    """
    with _exit_status():
        from aimis.console import knowledge as shown

        raise typer.Exit(shown.show(shown.Request(name=name, language=language, pages=pages)))


def main() -> None:
    """The program."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal lacks, or sends in another code, must not end a run
    command = typer.main.get_command(app)
    if (language := _language_of_help(sys.argv)) != Language.EN:
        from aimis.console import translation

        translation.translate_help(command, language)
    command(prog_name="aimis")


def _language_of_help(arguments: list[str]) -> str:
    """That of the command line, else of the environment; the settings file is too heavy to be asked."""
    for given, following in zip(arguments, [*arguments[1:], ""], strict=True):
        said = following if given == "--language" else given.removeprefix("--language=")
        if given.startswith("--language") and said in set(Language):
            return said
    said = os.environ.get("AIMIS_LANGUAGE", "")
    return said if said in set(Language) else Language.EN


@contextmanager
def _exit_status() -> Iterator[None]:
    """Errors that a person can do something about become a sentence and an exit status."""
    try:
        yield
    except UsageError as error:
        _end(str(error), WRONG_USAGE)
    except AimisError as error:
        _end(str(error), CANNOT_WORK)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it flushes
        raise typer.Exit(BROKEN_PIPE) from None
    except OSError as error:
        _end(f"{error.filename or 'standard output'}: {error.strerror}", CANNOT_WORK)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _end(message: str, status: int) -> None:
    typer.echo(f"aimis: {message}", err=True)
    raise typer.Exit(status)


if __name__ == "__main__":
    main()
