"""The rows of `tools.benchmark`.

measuring       times functions, counts memory
system_rows     generators, training steps
layer_rows      attention, compared with released_formulations, and partial convolution
data_rows       holes, compared with opencv_holes, and the input pipeline
photo_rows      whole photographs, with and without detail
window_rows     holes in many pieces
command_rows    `inpaint` started from the shell
tflite_rows     TFLite files
operations      counts the operations of a function
"""
