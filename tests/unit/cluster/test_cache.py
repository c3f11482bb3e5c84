"""What a reflector knows, and what it tells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stellwerk.cluster.cache import Cache, is_older
from stellwerk.cluster.structs import KubeObject, ObjectMeta

Versions = dict[str, int]
VIEWS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4), max_size=8)


def objects(view: Versions) -> dict[str, KubeObject]:
    return {uid: one(uid, version) for uid, version in view.items()}


def one(uid: str, version: int) -> KubeObject:
    return KubeObject(ObjectMeta(name=uid, uid=uid, resource_version=str(version)))


def shown(cache: Cache[KubeObject]) -> Versions:
    return {uid: int(found.metadata.resource_version) for uid, found in cache.objects.items()}


@given(before=VIEWS, after=VIEWS)
def test_a_relist_tells_exactly_what_changed_and_deletions_first(before: Versions, after: Versions) -> None:
    cache: Cache[KubeObject] = Cache()
    list(cache.replace(objects(before)))
    changes = list(cache.replace(objects(after)))
    assert shown(cache) == after
    told = {(kind, (new or old).metadata.uid) for kind, new, old in changes if new or old}  # type: ignore[union-attr]
    assert told == (
        {("DELETED", uid) for uid in before.keys() - after.keys()}
        | {("ADDED", uid) for uid in after.keys() - before.keys()}
        | {("MODIFIED", uid) for uid in before.keys() & after.keys() if before[uid] != after[uid]}
    )
    assert len(told) == len(changes)
    kinds = [kind for kind, _, _ in changes]
    assert kinds == sorted(kinds, key=lambda kind: kind != "DELETED")


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), st.sampled_from("abc"), st.integers(1, 5))
    )
)
def test_replaying_what_was_told_gives_the_same_copy(events: list[tuple[str, str, int]]) -> None:
    cache: Cache[KubeObject] = Cache()
    replayed: Versions = {}
    for kind, uid, version in events:
        match cache.apply(kind, one(uid, version)):
            case ("ADDED", new, None):
                assert new is not None
                assert uid not in replayed
                replayed[uid] = version
            case ("MODIFIED", new, old):
                assert old is not None
                assert int(old.metadata.resource_version) == replayed[uid]
                replayed[uid] = version
            case ("DELETED", None, old):
                assert old is not None
                del replayed[uid]
            case nothing:
                assert nothing is None
    assert shown(cache) == replayed


def test_the_same_version_again_tells_nothing() -> None:
    cache: Cache[KubeObject] = Cache()
    assert cache.apply("ADDED", one("a", 1)) is not None
    assert cache.apply("MODIFIED", one("a", 1)) is None
    assert cache.apply("DELETED", one("b", 1)) is None


def test_losing_most_of_many_objects_is_suspicious_and_of_a_few_is_not() -> None:
    cache: Cache[KubeObject] = Cache()
    many = {str(i): 1 for i in range(20)}
    list(cache.replace(objects(dict(list(many.items())[:19]))))
    assert not cache.would_lose_most({})
    list(cache.replace(objects(many)))
    assert cache.would_lose_most({})
    assert cache.would_lose_most(objects(dict(list(many.items())[:9])))
    assert not cache.would_lose_most(objects(dict(list(many.items())[:10])))


def test_versions_compare_as_numbers_and_unknown_ones_are_never_older() -> None:
    assert is_older("99", "100")
    assert not is_older("100", "99")
    assert not is_older("7", "7")
    assert not is_older("", "7")
    assert not is_older("abc", "7")
