"""How well and how steadily a clip was inverted or edited: the ``videoinv evaluate`` command.

    networks     what scoring needs loaded
    picture      a frame, or a generated crop lying in one
    follow       which face of the source is scored
    source       what is measured on the source, once for all results
    result       a result against its source, frame by frame
    aligned      landmarks in a steadily aligned frame
    scores       the numbers, what they mean, which way is better
    pair         two video files
    inversion    a clip through a model, scored before and after encoding
    ravdess      which files of RAVDESS
    published    rows of the papers' tables
    work         tasks that are resumed, here or on Ray
    study        settings against each other
    report       HTML, JSON and CSV

Memory does not grow with a clip, but for a few numbers per frame.
"""
