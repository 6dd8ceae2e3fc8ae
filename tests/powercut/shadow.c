/*
 * A preload shim that writes down what a process asks of its disk, so that a power cut can be played afterwards.
 *
 *   SHADOW_ROOT   the folder to watch, as an absolute path without symbolic links
 *   SHADOW_DIR    where the journal goes; each process appends to a new file `journal.N` there
 *
 * kill -9 loses nothing that a process has written: the kernel keeps its pages. A power cut does. The shim therefore
 * keeps a journal of every write, truncation, creation, renaming and removal below the root, and of every fsync and
 * fdatasync. The whole model of what outlives a cut is elsewhere, where it can be tested: tests/it/kit/shadow/disk.rs.
 * The real calls are made as well, real fsyncs too.
 *
 * Why a journal, and not copies made at each fsync: it costs one more write for each write, however large the file
 * is, and it knows what was under way at the cut, which a cut may keep in part. It takes the space of all writes until
 * the cut: some 80 MB for each second in which SQLite does nothing but commit.
 *
 * Order. Content is in the journal before its call is made, a name after its call has succeeded, each pair under one
 * lock. A sync has two entries: `s` before the call, `d` when it has succeeded. Whatever stands before `s` is durable
 * once `d` is there. The lock is not held during the sync, or the shim would hide the races that it is there to find.
 *
 * Not seen: writes through a shared mapping (SQLite's -shm, which is not durable anyway), by stdio or by io_uring;
 * truncate by path; symbolic links; sync() and O_SYNC, whose effect is thus underrated, never overrated. fallocate,
 * copy_file_range and sendfile fail on a watched file as they do on a file system that lacks them, and callers fall
 * back to write. Processes may follow one another; two that write at the same time are out of scope, because nothing
 * orders their journals. 64-bit Linux with glibc only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(long) == 8, "an offset must fit into one argument of a system call");

/* One entry: this head, then `len` bytes. Paths are relative to the root; the root itself is "". */
struct entry {
    uint64_t op;
    uint64_t file; /* inode */
    uint64_t at;
    uint64_t len;
};
enum {
    OPEN = 'o',     /* file, at = mode, path: an existing file is used for the first time on a descriptor */
    CREATE = 'c',   /* file, at = mode, path */
    WRITE = 'w',    /* file, at = offset, bytes */
    TRUNCATE = 't', /* file, at = new length */
    FOLDER = 'm',   /* path */
    REMOVE = 'u',   /* path */
    RENAME = 'r',   /* at = length of the old path; old path, new path */
    LINK = 'l',     /* likewise */
    SYNC = 's',     /* file, at = number of this sync; or for a folder: file 0 and its path */
    DONE = 'd',     /* at = number of the sync that has succeeded */
};

static char root[PATH_MAX]; /* "" while the shim is off */
static size_t root_len;
static int journal = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong syncs;

/* What is known of each descriptor. A closed one is unknown again; an unknown one is looked up when it is first used
 * to change something, so it does not matter how it came about. */
enum { UNKNOWN, FOREIGN, FILE_INSIDE, FOLDER_INSIDE };
#define DESCRIPTORS 65536
static atomic_uchar kinds[DESCRIPTORS];
static uint64_t inodes[DESCRIPTORS];

static void die(const char *what) {
    char text[256];
    int len = snprintf(text, sizeof text, "shadow.c: %s: %s\n", what, strerror(errno));
    syscall(SYS_write, STDERR_FILENO, text, len);
    abort();
}

static void acquire(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void start(void) {
    const char *watched = getenv("SHADOW_ROOT"), *folder = getenv("SHADOW_DIR");
    if (!watched || !folder)
        return;
    for (unsigned n = 0; journal < 0; n++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/journal.%u", folder, n);
        journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (journal < 0 && errno != EEXIST)
            die("the journal cannot be made in SHADOW_DIR");
    }
    pthread_atfork(acquire, release, release);
    snprintf(root, sizeof root, "%s", watched);
    root_len = strlen(root);
}

/* Appends one entry; the lock is held. */
static void append(uint64_t op, uint64_t file, uint64_t at, const void *bytes, size_t len) {
    struct entry head = {op, file, at, len};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, len}};
    ssize_t written = syscall(SYS_writev, journal, parts, 2);
    if (written != (ssize_t)(sizeof head + len))
        die("the journal cannot be written");
}

/* The part of an absolute path below the root, or NULL. */
static const char *below(const char *path) {
    if (!root_len || strncmp(path, root, root_len) != 0)
        return NULL;
    return path[root_len] == '/' ? path + root_len + 1 : path[root_len] ? NULL : path + root_len;
}

/* Where a descriptor points. */
static bool place(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len < 0)
        return false;
    path[len] = 0;
    return true;
}

/* Makes a path that may not exist absolute: its folder is resolved, its last component is not. */
static const char *resolve(int dirfd, const char *path, char out[PATH_MAX]) {
    char full[2 * PATH_MAX] = "", base[PATH_MAX] = "";
    if (!root_len)
        return NULL;
    if (*path != '/' && !(dirfd == AT_FDCWD ? getcwd(base, sizeof base) != NULL : place(dirfd, base)))
        return NULL;
    size_t len = (size_t)snprintf(full, sizeof full, "%s/%s", base, path);
    while (len > 1 && len < sizeof full && full[len - 1] == '/')
        full[--len] = 0;
    char *last = strrchr(full, '/');
    *last++ = 0;
    if (!realpath(*full ? full : "/", out) || strlen(out) + strlen(last) + 2 > PATH_MAX)
        return NULL;
    strcat(strcat(out, "/"), last);
    return below(out);
}

/* Looks a descriptor up and remembers it; the lock is held. */
static unsigned char examine(int fd, uint64_t op) {
    char path[PATH_MAX];
    struct stat is;
    const char *name;
    unsigned char kind = FOREIGN;
    if (fstat(fd, &is) == 0 && (S_ISREG(is.st_mode) || S_ISDIR(is.st_mode)) && place(fd, path) && (name = below(path))) {
        kind = S_ISDIR(is.st_mode) ? FOLDER_INSIDE : FILE_INSIDE;
        inodes[fd] = is.st_ino;
        if (kind == FILE_INSIDE)
            append(op, is.st_ino, is.st_mode & 07777, name, strlen(name));
    }
    atomic_store(&kinds[fd], kind);
    return kind;
}

static unsigned char kind_of(int fd) {
    if (!root_len || fd < 0)
        return FOREIGN;
    if (fd >= DESCRIPTORS)
        die("more descriptors than the shim has room for");
    unsigned char kind = atomic_load(&kinds[fd]);
    if (kind == UNKNOWN) {
        int error = errno;
        acquire();
        kind = examine(fd, OPEN);
        release();
        errno = error;
    }
    return kind;
}

static void forget(int fd) {
    if (root_len && fd >= 0 && fd < DESCRIPTORS)
        atomic_store(&kinds[fd], UNKNOWN);
}

/* Opening and closing. */

static int open_at(int dirfd, const char *path, int flags, unsigned mode) {
    if (!root_len || !(flags & (O_CREAT | O_TRUNC))) {
        int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
        forget(fd);
        return fd;
    }
    acquire();
    bool existed = syscall(SYS_faccessat, dirfd, path, F_OK) == 0;
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode), error = errno;
    if (fd >= 0 && fd < DESCRIPTORS && examine(fd, existed ? OPEN : CREATE) == FILE_INSIDE && existed && (flags & O_TRUNC))
        append(TRUNCATE, inodes[fd], 0, NULL, 0);
    release();
    errno = error;
    return fd;
}

static unsigned mode_in(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, unsigned) : 0;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    unsigned mode = mode_in(flags, rest);
    va_end(rest);
    return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int dirfd, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    unsigned mode = mode_in(flags, rest);
    va_end(rest);
    return open_at(dirfd, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));
int creat64(const char *path, mode_t mode) __attribute__((alias("creat")));

int close(int fd) {
    forget(fd);
    return (int)syscall(SYS_close, fd);
}
int dup3(int from, int to, int flags) {
    forget(to);
    return (int)syscall(SYS_dup3, from, to, flags);
}
int dup2(int from, int to) { return from == to ? (fcntl(from, F_GETFD) < 0 ? -1 : to) : dup3(from, to, 0); }

/* Content. */

/* Makes the entries of a vectored write at `at`, or where the descriptor stands when that is -1; the lock is held. */
static void append_write(int fd, const struct iovec *parts, int count, off_t at) {
    struct stat is;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        at = fstat(fd, &is) == 0 ? is.st_size : 0;
    else if (at < 0)
        at = lseek(fd, 0, SEEK_CUR);
    for (int n = 0; n < count; at += (off_t)parts[n++].iov_len)
        append(WRITE, inodes[fd], (uint64_t)at, parts[n].iov_base, parts[n].iov_len);
}

#define JOURNALLED(fd, parts, count, at, call)                                                                         \
    do {                                                                                                               \
        if (kind_of(fd) != FILE_INSIDE)                                                                                \
            return call;                                                                                               \
        acquire();                                                                                                     \
        append_write(fd, parts, count, at);                                                                            \
        ssize_t result = call;                                                                                         \
        int error = errno;                                                                                             \
        release();                                                                                                     \
        errno = error;                                                                                                 \
        return result;                                                                                                 \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t len) {
    struct iovec one = {(void *)bytes, len};
    JOURNALLED(fd, &one, 1, -1, syscall(SYS_write, fd, bytes, len));
}
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    struct iovec one = {(void *)bytes, len};
    JOURNALLED(fd, &one, 1, at, syscall(SYS_pwrite64, fd, bytes, len, at));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    JOURNALLED(fd, parts, count, -1, syscall(SYS_writev, fd, parts, count));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    JOURNALLED(fd, parts, count, at, syscall(SYS_pwritev, fd, parts, count, at, 0));
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) __attribute__((alias("pwritev")));

int ftruncate(int fd, off_t len) {
    if (kind_of(fd) != FILE_INSIDE)
        return (int)syscall(SYS_ftruncate, fd, len);
    acquire();
    append(TRUNCATE, inodes[fd], (uint64_t)len, NULL, 0);
    int result = (int)syscall(SYS_ftruncate, fd, len), error = errno;
    release();
    errno = error;
    return result;
}
int ftruncate64(int fd, off_t len) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t at, off_t len) {
    if (kind_of(fd) != FILE_INSIDE)
        return (int)syscall(SYS_fallocate, fd, mode, at, len);
    errno = EOPNOTSUPP;
    return -1;
}
int posix_fallocate(int fd, off_t at, off_t len) { return fallocate(fd, 0, at, len) < 0 ? errno : 0; }
ssize_t copy_file_range(int from, off_t *in, int to, off_t *out, size_t len, unsigned flags) {
    if (kind_of(to) != FILE_INSIDE)
        return syscall(SYS_copy_file_range, from, in, to, out, len, flags);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int to, int from, off_t *at, size_t len) {
    if (kind_of(to) != FILE_INSIDE)
        return syscall(SYS_sendfile, to, from, at, len);
    errno = EINVAL;
    return -1;
}
int fallocate64(int fd, int mode, off_t at, off_t len) __attribute__((alias("fallocate")));
int posix_fallocate64(int fd, off_t at, off_t len) __attribute__((alias("posix_fallocate")));
ssize_t sendfile64(int to, int from, off_t *at, size_t len) __attribute__((alias("sendfile")));

/* Durability. */

static int sync_by(long call, int fd) {
    unsigned char kind = kind_of(fd);
    if (kind != FILE_INSIDE && kind != FOLDER_INSIDE)
        return (int)syscall(call, fd);
    uint64_t number = atomic_fetch_add(&syncs, 1);
    char path[PATH_MAX];
    const char *name = "";
    if (kind == FOLDER_INSIDE && !(place(fd, path) && (name = below(path))))
        return (int)syscall(call, fd);
    acquire();
    append(SYNC, kind == FILE_INSIDE ? inodes[fd] : 0, number, name, strlen(name));
    release();
    int result = (int)syscall(call, fd);
    if (result == 0) {
        acquire();
        append(DONE, 0, number, NULL, 0);
        release();
    }
    return result;
}
int fsync(int fd) { return sync_by(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

/* Names. */

/* Ends a call on names that was made under the lock: if it has succeeded, its entry is written. */
static int conclude(long result, uint64_t op, const char *from, const char *to) {
    char both[2 * PATH_MAX];
    int error = errno, len = snprintf(both, sizeof both, "%s%s", from, to);
    if (result == 0)
        append(op, 0, strlen(from), both, (size_t)len);
    release();
    errno = error;
    return (int)result;
}

int unlinkat(int dirfd, const char *path, int flags) {
    char absolute[PATH_MAX];
    const char *name = resolve(dirfd, path, absolute);
    if (!name)
        return (int)syscall(SYS_unlinkat, dirfd, path, flags);
    acquire();
    return conclude(syscall(SYS_unlinkat, dirfd, path, flags), REMOVE, name, "");
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int dirfd, const char *path, mode_t mode) {
    char absolute[PATH_MAX];
    const char *name = resolve(dirfd, path, absolute);
    if (!name)
        return (int)syscall(SYS_mkdirat, dirfd, path, mode);
    acquire();
    return conclude(syscall(SYS_mkdirat, dirfd, path, mode), FOLDER, name, "");
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* What crosses the border of the root cannot be modelled: stop rather than guess. */
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char absolute_from[PATH_MAX], absolute_to[PATH_MAX];
    const char *old = resolve(from_dir, from, absolute_from), *new = resolve(to_dir, to, absolute_to);
    if (!old && !new)
        return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    if (!old || !new || (flags & ~(unsigned)RENAME_NOREPLACE))
        die("a renaming that the shim does not model");
    acquire();
    return conclude(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags), RENAME, old, new);
}
int renameat(int in, const char *from, int out, const char *to) { return renameat2(in, from, out, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char absolute_from[PATH_MAX], absolute_to[PATH_MAX];
    const char *old = resolve(from_dir, from, absolute_from), *new = resolve(to_dir, to, absolute_to);
    if (!new)
        return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    if (!old)
        die("a link to a file outside that the shim does not model");
    acquire();
    return conclude(syscall(SYS_linkat, from_dir, from, to_dir, to, flags), LINK, old, new);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
