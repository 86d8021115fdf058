"""./pith as it decides what to install, fetch and build. What changes the machine (apt-get, sudo, pip) and what takes minutes
(cmake) are stand-ins that write down how they were called; the script itself, its lock and its messages are the real ones."""
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODEL = ".pith/model/SmolLM2-135M-Instruct.Q4_1.gguf"
NOTED = 'echo "$(basename "$0") $*" >>"$CALLS"\n'


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Pith(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("pith", "CMakeLists.txt"):
            shutil.copy(os.path.join(SOURCE, name), self.root)
        self.put(MODEL, "")
        self.put(".pith/site/torch-2.11.0.complete", "")
        self.environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith(("PITH_", "CXX"))}
        self.environment.update(PATH=os.path.join(self.root, "bin") + ":" + os.environ["PATH"], CALLS=os.path.join(self.root, "calls"),
                                HAVE="", HOME=self.root)
        self.stub("dpkg-query", 'case " $HAVE " in *" all "*|*" $3 "*) echo "install ok installed" ;; *) exit 1 ;; esac')
        self.stub("apt-get", NOTED + 'env >>"$CALLS.env"')
        self.stub("id", "echo 0")
        self.stub("sleep", "")
        self.stub("ccache", "")
        self.stub("ninja", "")
        self.stub("nvidia-smi", "exit 1")
        self.stub("python3", NOTED + 'case "$*" in "-m pip --version") ;; *) exit 1 ;; esac')
        self.stub("cmake", 'case "$*" in --version) echo "cmake version 3.25.1" ;;\n'
                           '*" -n") [ -f "$CALLS.built" ] && echo "ninja: no work to do." || echo "[1/9] Building" ;;\n'
                           '--build*) touch "$CALLS.built"; mkdir -p "$2"; for p in run export train; do\n'
                           'printf \'#!/bin/sh\\necho "pith-%s $*"\\n\' $p >"$2/pith-$p"; chmod +x "$2/pith-$p"; done; ' + NOTED + ';;\n'
                           '*) mkdir -p "$4"; touch "$4/build.ninja"; ' + NOTED + ' ;; esac')

    def put(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def stub(self, name, body):
        os.chmod(self.put("bin/" + name, "#!/bin/bash\n" + body + "\n"), 0o755)

    def start(self, *arguments, **environment):
        return subprocess.Popen([os.path.join(self.root, "pith"), *arguments], env={**self.environment, **environment},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def pith(self, *arguments, **environment):
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def calls(self):
        path = self.environment["CALLS"]
        return read(path) if os.path.exists(path) else ""

    def test_wrong_command_lines(self):
        for arguments, words in ((["walk"], "no command 'walk'"), (["--offline", "/nowhere", "run"], "--offline wants a folder"),
                                 (["setup", "now"], "takes no further arguments"), (["quickstart", "x"], "no further arguments"),
                                 (["quickstart", "--compare", "x"], "no further arguments")):
            status, _, err = self.pith(*arguments)
            self.assertEqual(status, 2, err)
            self.assertIn(words, err)
        self.assertEqual(self.calls(), "")

    def test_version_is_the_build_s(self):
        status, out, _ = self.pith("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^pith \d+\.\d+\.\d+\n$")
        self.assertIn(f"VERSION {out.split()[1]} ", read(os.path.join(SOURCE, "CMakeLists.txt")))

    def test_builds_what_the_command_needs_and_says_so_once(self):
        status, out, err = self.pith("run", "grade", HAVE="all")
        self.assertEqual((status, out), (0, "pith-run grade\n"), err)
        self.assertIn("building", err)
        self.assertIn("-DPITH_TRAIN=OFF", self.calls())
        self.assertIn("--target pith-run\n", self.calls())
        status, out, err = self.pith("run", "grade", HAVE="all")
        self.assertEqual((status, out, err), (0, "pith-run grade\n", ""))
        self.assertNotIn("apt-get", self.calls())

    def test_installs_what_is_missing_and_goes_on_without_a_convenience(self):
        self.stub("apt-get", NOTED + 'case "$*" in *ccache*) echo "E: Unable to locate package ccache"; exit 100 ;; esac')
        os.remove(os.path.join(self.root, "bin", "ccache"))
        has_ccache = shutil.which("ccache") is not None
        status, out, err = self.pith("export", HAVE="libcli11-dev")
        self.assertEqual((status, out), (0, "pith-export \n"), err)
        self.assertIn("libyaml-cpp-dev", self.calls())
        self.assertIn("libsentencepiece-dev", self.calls())
        self.assertNotIn("libcli11-dev", self.calls())
        self.assertNotIn("libgtest-dev", self.calls())
        if not has_ccache:
            self.assertIn("going on without ccache libsentencepiece-dev", err)

    def test_a_needed_package_that_cannot_be_had(self):
        self.stub("apt-get", "echo 'E: no such package'; exit 100")
        status, _, err = self.pith("run")
        self.assertEqual(status, 2)
        self.assertIn("E: no such package", err)
        self.assertIn("libyaml-cpp-dev", err)

    def test_waits_for_the_package_manager(self):
        self.stub("apt-get", NOTED + '[ "$(grep -c apt-get "$CALLS")" -gt 3 ] || { echo "E: Could not get lock /var/lib/apt/lists/lock"; exit 100; }')
        status, out, err = self.pith("run")
        self.assertEqual((status, out), (0, "pith-run \n"), err)
        self.assertEqual(err.count("another program is installing packages"), 1)

    def test_no_packages(self):
        status, out, err = self.pith("--no-packages", "run", "--help")
        self.assertEqual((status, out), (0, "pith-run --help\n"), err)
        self.assertNotIn("apt-get", self.calls())

    def test_proxies_survive_sudo(self):
        self.stub("id", "echo 1000")
        self.stub("sudo", 'exec env -i PATH="$PATH" CALLS="$CALLS" "$@"')
        status, _, err = self.pith("run", http_proxy="http://proxy:3128", NO_PROXY="localhost")
        self.assertEqual(status, 0, err)
        seen = read(self.environment["CALLS"] + ".env")
        self.assertIn("http_proxy=http://proxy:3128\n", seen)
        self.assertIn("NO_PROXY=localhost\n", seen)

    def test_one_at_a_time(self):
        with open(os.path.join(self.root, ".pith", "turn"), "w", encoding="utf-8") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            process = self.start("run", HAVE="all")
            self.assertIn("another ./pith is setting up", process.stderr.readline())
            time.sleep(0.2)
            self.assertIsNone(process.poll())
            self.assertEqual(self.calls(), "")
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, "pith-run \n"))

    def test_the_program_does_not_hold_the_turn(self):
        self.pith("run", HAVE="all")
        self.put("build-runtime/pith-run", '#!/bin/bash\nexec 9>.pith/turn; flock -n 9 && echo free\n')
        process = subprocess.run([os.path.join(self.root, "pith"), "run"], env={**self.environment, "HAVE": "all"}, cwd=self.root,
                                 capture_output=True, text=True)
        self.assertEqual(process.stdout, "free\n")

    def test_cuda_only_for_who_asks(self):
        self.stub("nvidia-smi", "")
        plain, asks = self.put("plain.yaml", "stage: sft\n"), self.put("asks.yaml", "stage: sft\ndevice: cuda  # the first\n")
        for arguments, fetched in (([plain], False), ([asks, "--set", "device=cpu"], False), ([asks], True), ([plain, "--set", "device=auto"], True)):
            if os.path.exists(self.environment["CALLS"]):
                os.remove(self.environment["CALLS"])
            status, out, err = self.pith("train", *arguments, HAVE="all")
            self.assertEqual((status, out), (0, "pith-train " + " ".join(arguments) + "\n"), err)
            self.assertEqual("gpu-wheels.txt" in self.calls(), fetched, arguments)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
