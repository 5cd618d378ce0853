"""Evaluation: how far a fill is from the truth, how steady it is, and what each part of the engine is worth.

May know the whole engine and the training data's makers; nothing that ships depends on it.
Read in this order: `metrics`, `clip_folder`, `holes`, `bench` (real clips with synthetic holes); `plate_match` (needs
no truth); `ablation` with `ablated_modules` and `ablated_parts`; `registration_pairs` and `registration_bench`;
pictures for people: `contact_sheet`, `worst_frames`; the command: `cli`.
"""
