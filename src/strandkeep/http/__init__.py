"""The ASGI edge: who calls, dispatch, bodies in and out, health. It decides nothing."""
