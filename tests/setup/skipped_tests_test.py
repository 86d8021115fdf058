"""tests/tools/skipped_tests.py reads what CTest writes."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools", "skipped_tests.py")
GTEST = "[ RUN      ] A.B\n/x/a_test.cc:12: Skipped\nneeds the demo model at /m; run ./pith setup\n\n[  SKIPPED ] A.B (0 ms)\n"
REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="x" tests="4" failures="0" skipped="3">
<testcase name="A.B" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/><system-out>%s</system-out></testcase>
<testcase name="A.C" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/><system-out>%s</system-out></testcase>
<testcase name="arm" status="notrun"><skipped message="x"/><system-out>skipped: no cross-compiler
</system-out></testcase>
<testcase name="ran" status="run"><system-out>fine</system-out></testcase>
</testsuite>
""" % (GTEST, GTEST)


class SkippedTests(unittest.TestCase):
    def run_tool(self, report, *more):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "r.xml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(report)
            return subprocess.run([sys.executable, TOOL, path, *more], capture_output=True, text=True)

    def test_counts_by_reason(self):
        result = self.run_tool(REPORT)
        self.assertEqual(result.returncode, 0)
        self.assertIn("3 tests were skipped:", result.stdout)
        self.assertIn("  2 needs the demo model at /m; run ./pith setup: A.B, A.C\n", result.stdout)
        self.assertIn("  1 no cross-compiler: arm\n", result.stdout)

    def test_limit(self):
        self.assertEqual(self.run_tool(REPORT, "3").returncode, 0)
        result = self.run_tool(REPORT, "2")
        self.assertEqual(result.returncode, 1)
        self.assertIn("at most 2 may be skipped here", result.stdout)

    def test_nothing_skipped(self):
        result = self.run_tool('<testsuite><testcase name="ran" status="run"/></testsuite>', "0")
        self.assertEqual((result.returncode, result.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
