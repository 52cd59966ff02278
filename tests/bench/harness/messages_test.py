"""Goal: a transaction takes 3N-3 messages in mode S and 3N-1 in mode X, whatever the mesh. Method:
nemcon-scale, the path of which is the argument, on real engines; exact, so no matter of time."""

import json
import subprocess
import sys
import unittest


class Messages(unittest.TestCase):
    def test_do_not_grow_with_the_mesh(self):
        command = [PROGRAM, "--nodes", "3", "10", "30"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        lines = [json.loads(line) for line in output.splitlines()]
        self.assertEqual(len(lines), 12)
        for line in lines:
            participants = line["participants"]
            expected = 3 * participants - (3 if line["mode"] == "S" else 1)
            self.assertEqual(line["messages_until_decided"], expected, line)
            self.assertEqual(line["messages_until_decided_spread"], expected, line)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop()
    unittest.main()
