"""Training: the data that the networks learn from, their losses, and the loops. Nothing here runs in a job.

May know everything below the pipeline; never data that is kept for measuring.
Read in this order: data: `still_data`, `clip_data`, `camera_paths`, `synthetic_foreground`, `holes`, `scenes`; the
homography: `homography_data`, `train_homography`; the inpainter: `inpainter_data`, `frozen_registration`, `losses`,
`discriminators`, `inpainter_step`, `train_inpainter`; the chooser: `chooser_data`, `crop_store`, `train_chooser`; the
inpainter and the chooser at once: `train_joint`; shared: `batches` (made in order, ahead of time), `autocast`,
`run_log` (checkpoints and logs); the commands: `cli`.
"""
