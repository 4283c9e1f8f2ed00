"""Its being here puts this folder on the path, so that rooms below find `node_support`."""
