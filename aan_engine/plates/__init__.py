"""Plates: frames and mattes of every format in, verified EXR out, and the frames of a shot by index.

May know files, formats and colour encodings; nothing of motion, candidates or networks.
Read in this order: `reader` (one frame of any format) over `formats`, `exr` with `exr_header`, `exr_attributes` and
`exr_decoder`, `stills`, `movie` with `movie_stream`, `movie_frames`, `movie_length` and `yuv`, `orientation`,
`decoded_frame`, `timecode`; then `plate` with `half_lut`, `plate_crop` and `stereo`; `channel_names` and
`picture_layer`, which layer is the picture, `extra_channels` and `extra_layers`, what else is filled; `matte` over
`matte_channels`, `matte_evidence` and `matte_choice`, which channels are the matte, and `matte_edge`; `shot_channels`,
both for a shot; `shot_frames`, `source_policy`, `plate_cache` and `source_plate`, from which pixels are copied; `proxy`
and `proxy_store`; for writing `channels`, `patch`, `result_marks` (the header says where a result comes from) and
`verify`, which proves that nothing outside the matte changed; `decode_watchdog`, which tells a parent process which
file a crashed decoder was reading; `input_check` and `input_summary`, what was understood of a job's inputs, in words.
"""
