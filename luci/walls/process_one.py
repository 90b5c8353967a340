"""What is process 1 of a container: a program in the words of any Python 3, for that of the container runs it.

Process 1 hears no signal that it has no handler for, and must bury who has lost its parent. The command leads the
terminal, whose keys then reach it alone, and is not left stopped where nobody could wake it. Arguments: the filter of
system calls in hex, the file for what the kernel counted (empty: none is wanted), and the command.
"""

CODE = """
import os, sys, _signal as s
heard = (1, 2, 3, 10, 12, 15)
s.pthread_sigmask(s.SIG_BLOCK, heard)
child = os.fork()
if child == 0:
    if os.isatty(0):
        s.signal(s.SIGTTOU, s.SIG_IGN)
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        s.signal(s.SIGTTOU, s.SIG_DFL)
    for number in (2, 13, 25):
        s.signal(number, s.SIG_DFL)
    if sys.argv[1]:
        import ctypes, struct
        code = bytes.fromhex(sys.argv[1])
        held = ctypes.create_string_buffer(code, len(code))
        told = struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(held))
        if ctypes.CDLL(None).prctl(22, ctypes.c_ulong(2), told, ctypes.c_ulong(0), ctypes.c_ulong(0)):
            print('the filter of system calls could not be taken on', file=sys.stderr, flush=True)
            os._exit(125)
    s.pthread_sigmask(s.SIG_UNBLOCK, heard)
    try:
        os.execvp(sys.argv[3], sys.argv[3:])
    except OSError as error:
        print(sys.argv[3], error.strerror, sep=': ', file=sys.stderr, flush=True)
        os._exit(127)
for number in heard:
    s.signal(number, lambda number, frame: os.kill(child, number))
s.pthread_sigmask(s.SIG_UNBLOCK, heard)
while True:
    pid, status = os.waitpid(-1, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        os.kill(pid, s.SIGCONT)
    elif pid == child:
        break
code = os.waitstatus_to_exitcode(status)
if sys.argv[2]:
    told = ''
    for name in ('pids/pids.events', 'pids.events', 'cpu/cpu.stat', 'cpu,cpuacct/cpu.stat', 'cpu.stat',
                 'memory/memory.max_usage_in_bytes', 'memory.peak'):
        try:
            told += ' '.join([name.rpartition('/')[2], open('/sys/fs/cgroup/' + name).read(), ''])
        except OSError:
            pass
    try:
        open(sys.argv[2], 'w').write(told)
    except OSError:
        pass
os._exit(code if code >= 0 else 128 - code)
"""
