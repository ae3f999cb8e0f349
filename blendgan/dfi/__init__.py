"""Deep feature interpolation (Upchurch et al. 2017): a photo moved along what sets two sets of pictures apart.

features, vgg: pictures -> deep features; room: whether memory holds them; sets: folders and lists -> picture files;
directions: two sets -> the vector; reverse: features -> the picture; finishing: colours and artefacts; editing: one
picture, edited in turn; places: where in a photo; runs, orders: a photo's file -> the result's file, as a command line
asks for it.
"""

LARGEST_ALPHA = 100.0  # beyond all use: at 10 a step is ten times as long as the photo's own features
