<<<<<<< HEAD
"""Real servers for tests and benches, each in a folder of its own and on the loopback only."""
=======
"""Real servers for tests, started on free ports of this machine and stopped again."""
>>>>>>> 829780ee024653b0b6100880a2dc95ef5b933cf1
