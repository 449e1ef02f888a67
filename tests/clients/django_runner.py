"""Django's own test runner, which records every outcome."""

from django.test.runner import DiscoverRunner

from recording import RecordingResult


class Runner(DiscoverRunner):
    """The runner of the settings in `django_settings`."""

    def get_resultclass(self):
        return RecordingResult
