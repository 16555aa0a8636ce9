"""SQL over logs."""


def sql(query, source):
    raise NotImplementedError
