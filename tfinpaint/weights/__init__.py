"""Reading weights that were trained elsewhere: which tensor belongs where (`places`), what the
papers' authors released (`releases`, whose tables are with the systems), PyTorch's state dicts
(`state_dicts`) and files of Keras (`keras_files`).
"""
