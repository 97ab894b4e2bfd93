from causeline.ingest.adapters.random import RandomBlocks


def test_every_draw_has_its_size_and_bytes_of_its_own() -> None:
    random = RandomBlocks()
    draws = [random(10) for _ in range(3_000)]
    assert {len(one) for one in draws} == {10}
    assert len(set(draws)) == len(draws)


def test_a_draw_larger_than_a_block_is_whole() -> None:
    random = RandomBlocks()
    assert len(random(3)) == 3
    assert len(random(100_000)) == 100_000
    assert len(random(8_192)) == 8_192
