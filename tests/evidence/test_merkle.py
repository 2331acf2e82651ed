"""The tree of RFC 9162, by the vectors of Certificate Transparency's reference implementation."""

from contextlib import suppress
from itertools import combinations

import pytest
from medvault_edge.errors import NotVerified
from medvault_edge.merkle import root_over, roots_over

from apps.audit.merkle import Tree, consistency

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


CONTENTS = [bytes.fromhex(leaf) for leaf in LEAVES]
# Of that implementation, too: the ways from leaves, by place and size, and those from one size to another.
WAYS = {
    (0, 8): "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    " 5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
    " 6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    (5, 8): "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
    " ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 3): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
}
STEPS = {
    (1, 8): WAYS[0, 8],
    (6, 8): "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
    " ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    " d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    (2, 5): "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
    " bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
}


def tree_of(size: int, *, followed: int | None = None) -> Tree:
    tree = Tree()
    for place, content in enumerate(CONTENTS[:size]):
        tree.append(content, is_followed=place == followed)
    return tree


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    tree = Tree()
    for leaf in LEAVES[:size]:
        tree.append(bytes.fromhex(leaf))
    assert (tree.size, tree.root().hex()) == (size, ROOTS[size])


@pytest.mark.parametrize("kept", range(8))
def test_a_tree_goes_on_from_its_edge(kept: int) -> None:
    first = Tree()
    for leaf in LEAVES[:kept]:
        first.append(bytes.fromhex(leaf))
    later = Tree(first.size, [*first.edge])
    for leaf in LEAVES[kept:]:
        later.append(bytes.fromhex(leaf))
    assert later.root().hex() == ROOTS[8]


def test_ways_are_those_of_the_reference() -> None:
    for (place, size), way in WAYS.items():
        assert [each.hex() for each in tree_of(size, followed=place).proof()] == way.split()
    for (first, second), way in STEPS.items():
        assert [each.hex() for each in consistency(tree_of(first), CONTENTS[first:second])] == way.split()


def test_every_leaf_is_proven_at_its_place_alone() -> None:
    for size in range(1, 9):
        for place in range(size):
            way = tree_of(size, followed=place).proof()
            assert root_over(CONTENTS[place], index=place, size=size, path=way).hex() == ROOTS[size]
            wrong = [
                (CONTENTS[place] + b"x", place, size, way), (CONTENTS[place], place ^ 1, size, way),
                (CONTENTS[place], place, size, way[:-1]), (CONTENTS[place], place, size, [*way, b""]),
                (CONTENTS[place], size, size, way),
            ]  # fmt: skip
            for leaf, at, of, path in wrong[: 5 if size > 1 else 1]:
                with suppress(NotVerified):
                    assert root_over(leaf, index=at, size=of, path=path).hex() != ROOTS[size]


def test_every_size_is_the_beginning_of_every_later_one() -> None:
    for first, second in combinations(range(1, 9), 2):
        way = consistency(tree_of(first), CONTENTS[first:second])
        earlier, later = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
        assert roots_over(way, first=first, second=second, first_root=earlier) == (earlier, later)
        changed = consistency(tree_of(first), [*CONTENTS[first : second - 1], b"other"])
        assert roots_over(changed, first=first, second=second, first_root=earlier) != (earlier, later)
        for wrong in (way[:-1], [*way, bytes(32)]):
            with pytest.raises(NotVerified):
                roots_over(wrong, first=first, second=second, first_root=earlier)
