"""What CTest's JUnit report says was skipped, and why:  skipped_tests.py REPORT.xml [MOST]

Exit code 1 where more than MOST tests were skipped: a check that is skipped everywhere is none."""
import collections
import re
import sys
import xml.etree.ElementTree as ElementTree

NO_REASON = "no reason given"


def reason(case):
    """What a test printed when it skipped itself: GoogleTest's words behind 'FILE:LINE: Skipped', or a line 'skipped: …'."""
    output = case.findtext("system-out") or ""
    found = re.search(r": Skipped\n(.+?)\n(?:\n|\[)", output, re.S) or re.search(r"^skipped: (.+)$", output, re.M)
    return " ".join(found.group(1).split()) if found else NO_REASON


def main(path, most=None):
    skipped = [case for case in ElementTree.parse(path).getroot().iter("testcase") if case.find("skipped") is not None]
    if not skipped:
        return 0
    tests = collections.defaultdict(list)
    for case in skipped:
        tests[reason(case)].append(case.get("name"))
    print(f"\n{len(skipped)} tests were skipped:")
    for why, names in sorted(tests.items(), key=lambda entry: -len(entry[1])):
        print(f"  {len(names):3} {why}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}")
    if most is not None and len(skipped) > int(most):
        print(f"at most {most} may be skipped here: set up what they want, or state another number")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
