/* What a hostile step tries: each attempt says "done" or the name of the error. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void said(const char *what, long result) {
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

static void keys(void) {
    said("search", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "secret", 0));
    said("user", syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", "secret", 0));
    said("request", syscall(SYS_request_key, "user", "secret", NULL, 0));
    said("add", syscall(SYS_add_key, "user", "mine", "x", 1, KEY_SPEC_SESSION_KEYRING));
    char listed[4096] = "";
    int file = open("/proc/keys", O_RDONLY);
    said("list", file < 0 ? -1 : read(file, listed, sizeof listed - 1));
    printf("listed: %s\n", strstr(listed, "secret") ? "secret" : "nothing");
}

static void namespaces(void) {
    said("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
    said("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    char arguments[64] = {0};
    said("clone3", syscall(SYS_clone3, arguments, sizeof arguments));
    said("bpf", syscall(SYS_bpf, 0, arguments, sizeof arguments));
    said("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    int usual = socket(AF_INET, SOCK_STREAM, 0);
    printf("inet: %s\n", usual < 0 ? "refused" : "as usual");
    said("io_uring", syscall(SYS_io_uring_setup, 1, arguments));
}

/* The same by the other system calls of this machine: of x32, and of 32 bits. */
static void disguised(void) {
#ifdef __x86_64__
    said("x32", syscall(0x40000000 | SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(288L), "b"(0L), "c"(-3L), "d"(0L) : "memory");
    errno = -result;
    said("i386", result < 0 ? -1 : 0);
#endif
}

static void terminal(void) {
    struct stat status;
    fstat(0, &status);
    printf("terminal: %u:%u\n", major(status.st_rdev), minor(status.st_rdev));
    for (const char *text = "echo injected\n"; *text; text++)
        if (ioctl(0, TIOCSTI, text) < 0) {
            said("type", -1);
            break;
        }
    long request = 0x100000000L | TIOCSTI;
    said("type high", syscall(SYS_ioctl, 0, request, "x"));
    int own = open("/dev/tty", O_RDWR);
    said("open", own);
    said("type there", own < 0 ? -1 : ioctl(own, TIOCSTI, "x"));
}

static void memory(long size, int unnamed) {
    int file = unnamed ? memfd_create("hidden", 0) : -1;
    if (unnamed) {
        char block[1 << 16] = {1};
        for (long done = 0; done < size; done += sizeof block)
            if (write(file, block, sizeof block) < 0)
                exit(1);
    } else {
        char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        memset(shared, 1, size);
    }
    sleep(60);
}

static void watches(void) {
    said("inotify_init1", syscall(SYS_inotify_init1, 0));
#ifdef SYS_inotify_init
    said("inotify_init", syscall(SYS_inotify_init));
#endif
    said("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
}

static void descriptors(long processes, long files) {
    while (processes--)
        if (!fork()) {
            while (files--)
                if (open("/dev/null", O_RDONLY) < 0)
                    exit(1);
            sleep(60);
        }
    sleep(60);
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "keys")) keys();
    if (!strcmp(what, "namespaces")) namespaces();
    if (!strcmp(what, "disguised")) disguised();
    if (!strcmp(what, "terminal")) terminal();
    if (!strcmp(what, "watches")) watches();
    if (!strcmp(what, "descriptors")) descriptors(atol(words[2]), atol(words[3]));
    if (!strcmp(what, "unnamed")) memory(atol(words[2]), 1);
    if (!strcmp(what, "shared")) memory(atol(words[2]), 0);
    return 0;
}
