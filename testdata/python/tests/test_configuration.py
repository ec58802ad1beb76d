"""Where names of tables lead: the flag, the variable, the configuration file."""

import json
import shutil

import pytest

import command

TABLE = command.TESTDATA / "tables" / "v1_plain"
PLACES = ("by_flag", "by_variable", "by_file", "by_other_file", "by_catalog")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Warehouses that all have the table `sales.orders`."""
    root = tmp_path_factory.mktemp("places")
    for place in PLACES:
        shutil.copytree(TABLE, root / place / "sales" / "orders")
    return root


@pytest.fixture
def home(places, tmp_path):
    """A folder of configuration whose file names a warehouse and a catalog."""
    file = tmp_path / "fastdata" / "config.toml"
    file.parent.mkdir()
    file.write_text(f"warehouse = '{places / 'by_file'}'\n[catalogs.archive]\nwarehouse = '{places / 'by_catalog'}'\n")
    return tmp_path


def found(places, *args, name="sales.orders", **env):
    """In which of the places the table was found."""
    outcome = command.run("describe", name, "--json", *args, env=env)
    assert outcome.exit == 0, outcome.failure()
    location = json.loads(outcome.out)["location"]
    return next(place for place in PLACES if location == str(places / place / "sales" / "orders"))


def refused(exit_code, *args, **env):
    outcome = command.run("describe", *args, env=env)
    assert outcome.exit == exit_code, outcome.failure()
    assert len(outcome.err.strip().splitlines()) == 1, outcome.err
    return outcome.err


def test_the_flag_goes_before_the_variable_and_that_before_the_file(places, home):
    flag = ("--warehouse", places / "by_flag")
    variable = {"FASTDATA_WAREHOUSE": str(places / "by_variable")}
    file = {"XDG_CONFIG_HOME": str(home)}
    assert found(places, *flag, **variable, **file) == "by_flag"
    assert found(places, *flag, **file) == "by_flag"
    assert found(places, **variable, **file) == "by_variable"
    assert found(places, **file) == "by_file"
    assert "no warehouse is configured" in refused(4, "sales.orders")


def test_the_file_lies_below_home_where_no_other_folder_is_set(places, home, tmp_path_factory):
    user = tmp_path_factory.mktemp("user")
    shutil.copytree(home, user / ".config")
    # Empty counts as unset, and the folder that the command runs in is never meant.
    assert found(places, HOME=str(user), XDG_CONFIG_HOME="") == "by_file"
    assert found(places, HOME=str(user), XDG_CONFIG_HOME="not/absolute") == "by_file"


def test_another_file_is_read_instead(places, home, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(f"warehouse = '{places / 'by_other_file'}'")
    last = tmp_path / "last.toml"
    last.write_text(f"warehouse = '{places / 'by_flag'}'")
    default = {"XDG_CONFIG_HOME": str(home)}
    assert found(places, "--config", other, **default) == "by_other_file"
    assert found(places, FASTDATA_CONFIG=str(other), **default) == "by_other_file"
    assert found(places, "--config", last, FASTDATA_CONFIG=str(other), **default) == "by_flag"
    assert found(places, "--config", other, FASTDATA_WAREHOUSE=str(places / "by_variable")) == "by_variable"


def test_a_catalog_has_a_warehouse_of_its_own(places, home):
    file = {"XDG_CONFIG_HOME": str(home)}
    assert found(places, name="archive.sales.orders", **file) == "by_catalog"
    assert found(places, "--warehouse", places / "by_flag", name="archive.sales.orders", **file) == "by_catalog"
    missing = refused(4, "archive.sales.nothing", **file)
    assert "archive.sales.nothing" in missing and str(places / "by_catalog") in missing


def test_a_file_that_was_named_must_be_there(tmp_path):
    assert "nothing.toml" in refused(4, TABLE, "--config", tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    "text, word",
    [
        ("warehous = '/lake'", "warehous"),
        ("[catalogs.a]\nwarehouse = '/lake'\nregion = 'x'", "region"),
        ("[catalogs.a]", "warehouse"),
        ("warehouse = 7", "string"),
        ("warehouse = '/lake", "string"),
    ],
)
def test_a_mistake_in_the_file_is_named(text, word, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(text)
    message = refused(2, "sales.orders", "--config", file)
    assert str(file) in message and word in message, message
