"""Reading weights that were trained elsewhere: which tensor belongs where (`places`), PyTorch's state dicts (`state_dicts`) and files of
Keras (`keras_files`). Tables of the papers' released networks are in `tfinpaint.released`."""
