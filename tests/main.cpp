// The one translation unit with doctest's implementation: it is far dearer to compile than a test.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
