"""The explorer: a Streamlit app over the functions of `blendgan`; `blendgan explore` starts it."""
