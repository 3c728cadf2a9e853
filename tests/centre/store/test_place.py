"""Which texts are the place of a store, and what is refused before anything is opened."""

from pathlib import Path

import pytest

from centre.store.place import PlaceError, Server, parse_place


@pytest.mark.parametrize("text", ["centre.db", "/var/lib/centre.db", "postgresql", "中心/centre.db"])
def test_what_is_no_url_of_postgresql_is_a_file(text: str) -> None:
    assert parse_place(text) == Path(text)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://localhost/centre",
        "postgresql://dianjian@127.0.0.1:5433/centre",
        "postgresql://dianjian@[::1]:5433/centre",
        "postgresql:///centre?host=/run/postgresql",
        "postgresql://%2Frun%2Fpostgresql/centre",
        "postgresql://localhost?dbname=centre",
        "postgresql://db.example/centre?sslmode=verify-full&sslrootcert=ca.pem",
        "postgresql://localhost,db.example:5432/centre?sslmode=verify-full",
    ],
)
def test_a_server_on_this_machine_needs_nothing_more_and_another_one_tls(url: str) -> None:
    assert parse_place(url) == Server(url)
    assert str(parse_place(url)) == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://me:secret@localhost/centre", "has a password in it"),
        ("postgresql://me:@localhost/centre", "has a password in it"),
        ("postgresql://localhost/centre?password=secret", "has a password in it"),
        ("postgresql:///centre", "names no host"),
        ("postgresql://me@/centre?sslmode=verify-full", "names no host"),
        ("postgresql://localhost", "names no database"),
        ("postgresql://localhost/", "names no database"),
        ("postgresql://db.example/centre", "is another machine"),
        ("postgresql://db.example/centre?sslmode=require", "is another machine"),
        ("postgresql://db.example/centre?sslmode=verify-full&sslmode=disable", "is another machine"),
        ("postgresql:///centre?host=10.0.0.5", "is another machine"),
        ("postgresql:///centre?hostaddr=10.0.0.5", "is another machine"),
        ("postgresql://localhost/centre?host=10.0.0.5", "is another machine"),
        ("postgresql://localhost,db.example/centre", "is another machine"),
        ("postgresql://localhost.evil.example/centre", "is another machine"),
        ("postgresql://[::1/centre", "is no URL of PostgreSQL"),
    ],
)
def test_a_url_that_shows_a_password_or_goes_elsewhere_without_tls_is_refused(url: str, says: str) -> None:
    with pytest.raises(PlaceError, match=says) as caught:
        parse_place(url)
    assert "secret" not in str(caught.value)
