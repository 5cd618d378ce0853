"""The time left: from recent frames, never from those that came from the cache, and none where nothing can be said."""

import unittest

from host_half.eta import MIN_FRAMES, EtaEstimator


class TimeLeft(unittest.TestCase):
    def frames(self, estimator, times):
        for now in times:
            estimator.add_frame(now)

    def test_nothing_is_said_before_there_is_anything_to_tell_it_by(self):
        estimator = EtaEstimator()
        for now in range(MIN_FRAMES):
            self.assertIsNone(estimator.seconds_left(100, now))
            estimator.add_frame(float(now))
        self.assertIsNotNone(estimator.seconds_left(100, MIN_FRAMES))

    def test_steady_frames_give_their_own_pace(self):
        estimator = EtaEstimator()
        self.frames(estimator, [2.0 * n for n in range(10)])
        self.assertEqual(estimator.seconds_left(5, 18.0), 10)
        self.assertEqual(estimator.seconds_left(5, 19.0), 9, "it goes down between two frames")

    def test_a_frame_that_takes_longer_does_not_count_the_time_down_to_nothing(self):
        estimator = EtaEstimator()
        self.frames(estimator, [2.0 * n for n in range(10)])
        self.assertEqual(estimator.seconds_left(5, 1000.0), 8)

    def test_frames_from_the_shelf_say_nothing(self):
        estimator = EtaEstimator(cached=50)
        self.frames(estimator, [0.001 * n for n in range(50)])
        self.assertIsNone(estimator.seconds_left(50, 1.0))
        self.frames(estimator, [10.0, 20.0, 30.0])
        self.assertEqual(estimator.seconds_left(6, 30.0), 60)

    def test_heavier_frames_are_believed_soon(self):
        estimator = EtaEstimator()
        self.frames(estimator, [0.1 * n for n in range(100)])
        self.frames(estimator, [10.0 + 5.0 * n for n in range(1, 13)])
        self.assertEqual(estimator.seconds_left(10, 70.0), 50)

    def test_long_times_are_rounded_to_what_they_are_worth(self):
        estimator = EtaEstimator()
        self.frames(estimator, [7.0 * n for n in range(5)])
        self.assertEqual([estimator.seconds_left(n, 28.0) for n in (10, 50, 1000)], [70, 350, 7020])

    def test_at_the_end_there_is_nothing_left(self):
        estimator = EtaEstimator()
        self.frames(estimator, [7.0 * n for n in range(5)])
        self.assertIsNone(estimator.seconds_left(0, 28.0))


if __name__ == "__main__":
    unittest.main()
