from __future__ import annotations

import numpy as np

from safelight.provenance.watermark.payload import PolarCode

CODE = PolarCode(128, 32)


def test_a_codeword_without_noise_is_decoded_to_its_data() -> None:
    data = np.random.default_rng(1).integers(0, 2, 32).astype(np.uint8)
    llr = (1 - 2 * CODE.encode(data).astype(np.float32)) * 4
    assert (CODE.decode(llr, 1)[0] == data).all()


def test_the_sum_of_two_codewords_is_the_codeword_of_the_sum() -> None:
    one, other = np.random.default_rng(2).integers(0, 2, (2, 32)).astype(np.uint8)
    assert (CODE.encode(one) ^ CODE.encode(other) == CODE.encode(one ^ other)).all()


def test_a_fifth_of_wrong_bits_is_corrected_and_more_paths_correct_more() -> None:
    rng = np.random.default_rng(3)
    right = {1: 0, 16: 0}
    for _ in range(40):
        data = rng.integers(0, 2, 32).astype(np.uint8)
        signal = 1 - 2 * CODE.encode(data).astype(np.float32)
        llr = (2 * (signal + rng.normal(0, 1.2, 128))).astype(np.float32)
        for paths in right:
            right[paths] += bool((CODE.decode(llr, paths) == data).all(axis=1).any())
    assert right[16] > 30
    assert right[16] > right[1]


def test_as_many_different_words_are_returned_as_there_are_paths() -> None:
    llr = np.random.default_rng(4).normal(0, 1, 128).astype(np.float32)
    words = CODE.decode(llr, 8)
    assert len({word.tobytes() for word in words}) == 8
