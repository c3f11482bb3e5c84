"""What all tests share: the fixtures of the test bed."""

pytest_plugins = ["tests.testbed.plugin"]
