"""tools/serve.sh with a fake server and a fake docker: what it starts, and the configuration.

Mistakes are one line.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2
from waiting import until

TOOLS = pathlib.Path(__file__).parents[2] / "tools"

# Records its arguments and keeps the configuration, which serve.sh removes when it ends.
FAKE = """#!/bin/sh
[ "$1" != info ] || exit "${DOCKER_ANSWERS:-0}"
for argument in "$@"; do printf '%s\\n' "$argument"; done > "$RECORD/arguments"
for argument in "$@"; do
  case "$argument" in
    --*_file=/config/*) ;;
    --*_file=*) cp "${argument#*=}" "$RECORD/" ;;
    type=bind,source=*,target=/config,readonly) \
folder=${argument#type=bind,source=}; cp "${folder%%,*}"/* "$RECORD/" ;;
  esac
done
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(*arguments, cwd, **environment) -> status and stderr of serve.sh.

    The PATH holds the few programs that it needs and no others.
    """
    record = tmp_path / "record"
    programs = tmp_path / "programs"
    for folder in (record, programs):
        folder.mkdir()
    for name in (
        "bash",
        "sh",
        "basename",
        "cat",
        "cp",
        "dirname",
        "ls",
        "mktemp",
        "rm",
        "sleep",
        "touch",
    ):
        os.symlink(shutil.which(name), programs / name)

    def call(*arguments, cwd=tmp_path, **environment):
        end = subprocess.run(
            [str(TOOLS / "serve.sh"), *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=60,
            env={
                "PATH": str(programs),
                "RECORD": str(record),
                "TMPDIR": str(tmp_path),
                **environment,
            },
        )
        assert not list(tmp_path.glob("tmp.*"))  # the configuration is removed
        return end.returncode, end.stderr

    call.record, call.programs = record, programs
    return call


def program(path, text=FAKE):
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def fake(tmp_path):
    return program(tmp_path / "fake_server")


def model(folder, version="1"):
    """A folder as `export` leaves it, with only what serve.sh looks at."""
    (folder / version).mkdir(parents=True)
    (folder / version / "saved_model.pb").touch()
    return folder


def arguments(run):
    return (run.record / "arguments").read_text().splitlines()


def models(run):
    """{name: base path} from the configuration that the server was given."""
    config = text_format.Parse(
        (run.record / "models.txt").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    assert all(one.model_platform == "tensorflow" for one in config.model_config_list.config)
    found = {one.name: one.base_path for one in config.model_config_list.config}
    assert len(found) == len(config.model_config_list.config)
    return found


# --------------------------------------------------------------------------------------- one server


def test_one_model_is_named_after_its_folder(run, fake, tmp_path):
    folder = model(tmp_path / "exported/paris")
    assert run("exported/paris", TFSERVING_BIN=fake) == (0, "")
    assert models(run) == {"paris": str(folder)}


def test_several_models_with_names(run, fake, tmp_path):
    one, other, third = (
        model(tmp_path / "paris"),
        model(tmp_path / "some where/c"),
        model(tmp_path / "places.2-a_b", "12"),
    )
    assert run(one, f"celeba={other}", f"{third}/", TFSERVING_BIN=fake) == (0, "")
    assert models(run) == {"paris": str(one), "celeba": str(other), "places.2-a_b": str(third)}


@pytest.mark.parametrize(
    "cwd, argument",
    [("exported/paris", "."), ("exported/paris/1", ".."), ("exported", "paris/../paris")],
)
def test_a_folder_that_is_named_by_the_way_to_it(run, fake, tmp_path, cwd, argument):
    folder = model(tmp_path / "exported/paris")
    assert run(argument, cwd=tmp_path / cwd, TFSERVING_BIN=fake) == (0, "")
    assert models(run) == {"paris": str(folder)}


def test_the_servers_options(run, fake, tmp_path):
    assert run(model(tmp_path / "paris"), TFSERVING_BIN=fake) == (0, "")
    given = dict(
        argument.removeprefix("--").split("=", 1) for argument in arguments(run) if "=" in argument
    )
    assert "--enable_batching" in arguments(run) or given["enable_batching"] == "true"
    assert given["rest_api_port"] == "8501" and given["port"] == "8500"
    assert [
        os.path.basename(given[f"{what}_file"])
        for what in ("model_config", "batching_parameters", "monitoring_config")
    ] == ["models.txt", "batching.txt", "monitoring.txt"]
    for name in ("batching.txt", "monitoring.txt"):
        assert (run.record / name).read_text() == (TOOLS / "serving" / name).read_text()


def test_ports_from_the_environment(run, fake, tmp_path):
    assert run(
        model(tmp_path / "paris"), TFSERVING_BIN=fake, REST_PORT="9001", GRPC_PORT="9000"
    ) == (0, "")
    assert "--rest_api_port=9001" in arguments(run) and "--port=9000" in arguments(run)


def test_a_temporary_folder_with_a_space(run, fake, tmp_path):
    (tmp_path / "a b").mkdir()
    assert run(model(tmp_path / "paris"), TFSERVING_BIN=fake, TMPDIR=str(tmp_path / "a b")) == (
        0,
        "",
    )
    assert models(run) == {"paris": str(tmp_path / "paris")} and (
        not list((tmp_path / "a b").iterdir())
    )


def test_the_server_of_the_path_is_found(run, tmp_path):
    program(run.programs / "tensorflow_model_server")
    program(run.programs / "docker", "#!/bin/sh\nexit 9\n")  # is not run
    assert run(model(tmp_path / "paris")) == (0, "")
    assert models(run) == {"paris": str(tmp_path / "paris")}


def test_the_servers_exit_status_is_handed_on(run, tmp_path):
    fake = program(tmp_path / "fails", "#!/bin/sh\necho no model >&2\nexit 7\n")
    assert run(model(tmp_path / "paris"), TFSERVING_BIN=fake) == (7, "no model\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_with_the_script(run, tmp_path, number):
    # A service manager signals the script alone; a terminal signals the script and the server.
    fake = program(
        tmp_path / "waits",
        '#!/bin/sh\necho $$ > "$RECORD/pid.new"\nmv "$RECORD/pid.new" "$RECORD/pid"\n'
        "exec sleep 60\n",
    )
    process = subprocess.Popen(
        [str(TOOLS / "serve.sh"), str(model(tmp_path / "paris"))],
        start_new_session=True,
        env={
            **os.environ,
            "TFSERVING_BIN": fake,
            "RECORD": str(run.record),
            "TMPDIR": str(tmp_path),
        },
    )
    try:
        until(lambda: (run.record / "pid").exists())
        server = int((run.record / "pid").read_text())
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.terminate()
        process.wait(20)
        until(lambda: not _runs(server))  # else it would keep its ports
        assert not list(tmp_path.glob("tmp.*"))
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def _runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ------------------------------------------------------------------------------------------- docker


def test_docker_where_there_is_no_server(run, tmp_path):
    program(run.programs / "docker")
    one, other = model(tmp_path / "paris"), model(tmp_path / "some where/c")
    assert run(one, f"celeba={other}", REST_PORT="9001", GRPC_PORT="9000") == (0, "")
    given = arguments(run)
    assert given[0] == "run" and "tensorflow/serving:2.15.1" in given
    before, after = (
        given[: given.index("tensorflow/serving:2.15.1")],
        given[given.index("tensorflow/serving:2.15.1") + 1 :],
    )
    assert [before[k + 1] for k, argument in enumerate(before) if argument == "-p"] == [
        "127.0.0.1:9001:8501",
        "127.0.0.1:9000:8500",
    ]
    assert "--init" in before  # else the server would be process 1, which ignores SIGTERM
    mounts = [before[k + 1] for k, argument in enumerate(before) if argument == "--mount"]
    assert mounts[:2] == [
        f"type=bind,source={one},target=/models/paris,readonly",
        f"type=bind,source={other},target=/models/celeba,readonly",
    ]
    assert models(run) == {"paris": "/models/paris", "celeba": "/models/celeba"}
    assert "--rest_api_port=8501" in after and "--port=8500" in after  # inside the container
    for what, name in (
        ("model_config", "models"),
        ("batching_parameters", "batching"),
        ("monitoring_config", "monitoring"),
    ):
        assert (
            f"--{what}_file=/config/{name}.txt" in after and (run.record / f"{name}.txt").exists()
        )


def test_dockers_address_and_image_from_the_environment(run, tmp_path):
    program(run.programs / "docker")
    assert run(model(tmp_path / "paris"), HOST="0.0.0.0", TFSERVING_IMAGE="own/serving:1") == (
        0,
        "",
    )
    assert "0.0.0.0:8501:8501" in arguments(run) and "own/serving:1" in arguments(run)


# ----------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "given, words",
    [
        ([], "name the folders of exported models"),
        (["nowhere"], "there is no folder nowhere"),
        (["file"], "there is no folder file"),
        (["paris", "x=nowhere"], "there is no folder nowhere"),
        (["empty"], "empty holds no numbered version of a model: .*tfinpaint.export"),
        (["run"], "run holds no numbered version"),
        (["paris/1"], "1 holds no numbered version"),
        (["unfinished"], "holds no numbered version"),
        (["a b"], "a model's name is made of letters.* Got a b"),
        (["=paris"], "a model's name"),
        (['"=paris'], "a model's name"),
        (["paris", "other/paris"], "paris"),
    ],
)
def test_mistakes_are_one_line_and_start_nothing(run, fake, tmp_path, given, words):
    for name in ("paris", "other/paris", "a b"):
        model(tmp_path / name)
    for name in ("empty", "run/checkpoints", "unfinished/1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").touch()
    status, err = run(*given, TFSERVING_BIN=fake)
    assert (
        status == 1
        and re.fullmatch(rf"serve.sh: .*{words}.*\n", err)
        and not (run.record / "arguments").exists()
    )


@pytest.mark.parametrize(
    "environment, words",
    [
        (
            {},
            "neither tensorflow_model_server nor docker is on the PATH "
            ".*python -m tools.python_server --model=paris",
        ),
        ({"TFSERVING_BIN": "/nowhere/server"}, "TFSERVING_BIN=/nowhere/server is no program"),
    ],
)
def test_nothing_that_serves(run, tmp_path, environment, words):
    model(tmp_path / "paris")
    status, err = run("paris", **environment)
    assert status == 1 and re.fullmatch(rf"serve.sh: {words}.*\n", err)


def test_a_docker_that_does_not_answer(run, tmp_path):
    model(tmp_path / "paris")
    program(run.programs / "docker")
    status, err = run("paris", DOCKER_ANSWERS="1")
    assert status == 1 and not (run.record / "arguments").exists()
    words = ".* docker does not answer .*python -m tools.python_server --model=paris"
    assert re.fullmatch(rf"serve.sh: {words}\n", err)


# ------------------------------------------------------------------------------------ configuration

_INT64, _BOOL, _STRING, _MESSAGE = 3, 8, 9, 11  # google.protobuf.FieldDescriptorProto.Type
# The messages of session_bundle_config.proto and monitoring_config.proto, which the package of the
# stubs lacks. The numbers of the last two fields of the first message are made up: text format does
# not contain numbers.
_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": (1, "Int64Value"),
        "batch_timeout_micros": (2, "Int64Value"),
        "max_enqueued_batches": (3, "Int64Value"),
        "num_batch_threads": (4, "Int64Value"),
        "thread_pool_name": (5, "StringValue"),
        "allowed_batch_sizes": (6, _INT64),
        "pad_variable_length_inputs": (7, _BOOL),
        "enable_large_batch_splitting": (8, "BoolValue"),
        "max_execution_batch_size": (9, "Int64Value"),
    },
    "PrometheusConfig": {"enable": (1, _BOOL), "path": (2, _STRING)},
    "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
}


def parse(message, name):
    """A file of tools/serving, parsed as TensorFlow Serving does. Raises text_format.ParseError."""
    file = descriptor_pb2.FileDescriptorProto(
        name="test.proto",
        package="test",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    for one, fields in _MESSAGES.items():
        declared = file.message_type.add(name=one)
        for field, (number, kind) in fields.items():
            of = isinstance(kind, str) and (
                f".google.protobuf.{kind}" if kind.endswith("Value") else f".test.{kind}"
            )
            declared.field.add(
                name=field,
                number=number,
                type=_MESSAGE if of else kind,
                type_name=of or None,
                label=3 if field == "allowed_batch_sizes" else 1,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{message}"))()
    return text_format.Parse((TOOLS / "serving" / name).read_text(), made)


def test_batching_is_as_the_server_wants_it():
    batching = parse("BatchingParameters", "batching.txt")
    assert batching.num_batch_threads.value >= 1 and batching.max_enqueued_batches.value >= 1
    # No photograph waits for another, and none fails because another does.
    assert batching.max_execution_batch_size.value == 1
    # Otherwise a request could hold only one photograph.
    assert batching.max_batch_size.value > 1 and batching.enable_large_batch_splitting.value


def test_monitoring_is_as_the_server_wants_it():
    prometheus = parse("MonitoringConfig", "monitoring.txt").prometheus_config
    assert prometheus.enable and prometheus.path == "/metrics"
