"""How well and how steadily a clip was inverted or edited: the ``videoinv evaluate`` command.

    networks     what scoring needs loaded
    picture      a frame, or a generated crop lying in one
    follow       which face of the source is scored
    source       what is measured on the source, once for all results
    result       a result against its source, frame by frame
    aligned      landmarks in a steadily aligned frame
    scores       the numbers of a frame and of a clip
    columns      what each number means, which way is better
    pair         two video files
    inversion    a clip through a model, scored before and after encoding
    exhibits     the worst frames, a slice through time
    work         tasks that are resumed, here or on Ray
    ravdess      which files of RAVDESS
    published    rows of the papers' tables
    study        settings against each other; variants and comparison with it
    report       tables, charts, HTML, JSON and CSV
    command      the command line; options and forms with it

Memory does not grow with a clip, but for a few numbers per frame.
"""
