"""The pages of the explorer, one module each: `page()` draws it.

Not called `pages`: a folder of that name beside the script is Streamlit's own way of having several.
"""
