from tests.support.demo import demo

__all__ = ["demo"]
