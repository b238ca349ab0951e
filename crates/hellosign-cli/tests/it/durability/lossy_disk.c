/* A disk that forgets what was not fsynced, for LD_PRELOAD.
 *
 * `kill -9` leaves the page cache behind, so a missing fsync costs nothing in a test. Under this shim every change
 * below LOSSY_DIR is preceded by an undo record in LOSSY_LOG/undo; fsync and fdatasync make the records of that file
 * (of that directory, for names) void. After SIGKILL the test applies what is not void, backwards: the disk as a
 * power cut would have left it. lossy_disk.rs reads the records and says which losses it plays.
 *
 * Modelled: bytes and sizes of regular files; names that are created, renamed, unlinked, made as a directory. A name
 * is durable when its directory was fsynced, as POSIX has it, and not merely its file. Files ending in "-shm" are left
 * out: SQLite rebuilds them. A change that the model does not know (a writable shared mapping, a hard link,
 * copy_file_range …) aborts the process with a sentence, so that a run which ends says something.
 *
 * While LOSSY_LOG/pretend exists, fsync answers with success and voids nothing; records say so. While LOSSY_LOG/fail
 * exists it answers EIO, and voids nothing.
 * LOSSY_SYNC_MICROSECONDS makes each fsync of a file take that long, as a disk would.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))real(#name))
#define MAX_TRACKED 4096

/* Kinds of records; lossy_disk.rs has the same numbers. */
enum { WRITE = 1, RESIZE = 2, CREATE = 3, RENAME = 4, UNLINK = 5, MKDIR = 6, SYNC = 7, SYNC_PRETENDED = 8 };

struct record {
    uint32_t kind;
    uint32_t first_length;  /* a path, after this header */
    uint32_t second_length; /* another one */
    uint32_t data_length;   /* what the bytes were, after the paths */
    uint64_t inode;         /* of the file, or for names of the directory */
    uint64_t offset;        /* where the old bytes were; for SYNC: records before this one are void */
    uint64_t old_size;
    uint64_t number;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], store[PATH_MAX], pretend[PATH_MAX + 16], fail[PATH_MAX + 16];
static int undo = -1;
static useconds_t latency;
static uint64_t next_number;
static uint64_t tracked[MAX_TRACKED];
static size_t tracked_count;

static void *real(const char *name) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (!symbol) {
        fprintf(stderr, "lossy disk: libc has no %s\n", name);
        abort();
    }
    return symbol;
}

static void not_modelled(const char *what, const char *path) {
    fprintf(stderr, "lossy disk: %s on %s is not modelled\n", what, path);
    abort();
}

__attribute__((constructor)) static void start(void) {
    const char *directory = getenv("LOSSY_DIR"), *log = getenv("LOSSY_LOG");
    const char *slow = getenv("LOSSY_SYNC_MICROSECONDS");
    if (!directory || !log) return;
    snprintf(root, sizeof root, "%s/", directory);
    snprintf(store, sizeof store, "%s", log);
    snprintf(pretend, sizeof pretend, "%s/pretend", store);
    snprintf(fail, sizeof fail, "%s/fail", store);
    latency = slow ? (useconds_t)atoi(slow) : 0;
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/undo", store);
    undo = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (undo < 0) not_modelled("an unwritable undo log", path);
}

/* The absolute path if it lies below LOSSY_DIR and counts, else null. */
static const char *below(int directory, const char *path, char *buffer) {
    if (undo < 0 || !path || !*path) return NULL;
    if (path[0] == '/') {
        snprintf(buffer, PATH_MAX, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return NULL;
        base[length] = 0;
        if (snprintf(buffer, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return NULL;
    }
    size_t length = strlen(buffer);
    if (strncmp(buffer, root, strlen(root)) || (length > 4 && !strcmp(buffer + length - 4, "-shm"))) return NULL;
    return buffer;
}

static uint64_t inode_of_parent(const char *path) {
    char parent[PATH_MAX];
    struct stat found;
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash) *slash = 0;
    return stat(parent, &found) ? 0 : found.st_ino;
}

static void track(uint64_t inode) {
    for (size_t i = 0; i < tracked_count; i++)
        if (tracked[i] == inode) return;
    if (tracked_count == MAX_TRACKED) not_modelled("so many files", root);
    tracked[tracked_count++] = inode;
}

static int is_tracked(int fd, struct stat *found) {
    if (undo < 0 || fstat(fd, found) || !S_ISREG(found->st_mode)) return 0;
    for (size_t i = 0; i < tracked_count; i++)
        if (tracked[i] == found->st_ino) return 1;
    return 0;
}

/* Records are whole or, when the process dies within, cut at the end of the log: then the change was not made. */
static void put(uint32_t kind, uint64_t inode, uint64_t offset, uint64_t old_size, const char *first,
                const char *second, const void *data, size_t data_length) {
    struct record record = {
        .kind = kind,
        .first_length = first ? strlen(first) : 0,
        .second_length = second ? strlen(second) : 0,
        .data_length = data_length,
        .inode = inode,
        .offset = offset,
        .old_size = old_size,
        .number = next_number++,
    };
    struct iovec parts[] = {
        {&record, sizeof record},
        {(void *)first, record.first_length},
        {(void *)second, record.second_length},
        {(void *)data, data_length},
    };
    size_t total = sizeof record + record.first_length + record.second_length + data_length;
    if (REAL(writev)(undo, parts, 4) != (ssize_t)total) not_modelled("a full undo log", store);
}

/* What lies in the file where `length` bytes are about to change. */
static void put_bytes(uint32_t kind, int fd, const struct stat *file, uint64_t offset, size_t length) {
    uint64_t size = file->st_size;
    size_t old = offset >= size ? 0 : (size - offset < length ? size - offset : length);
    char *bytes = malloc(old + 1);
    ssize_t got = old ? pread(fd, bytes, old, offset) : 0;
    if (got != (ssize_t)old) not_modelled("a file that cannot be read back", root);
    put(kind, file->st_ino, offset, size, NULL, NULL, bytes, old);
    free(bytes);
}

/* Keeps a file whose name goes: its inode is neither lost nor given to another. Returns the second name. */
static const char *keep(const char *path, char *buffer) {
    struct stat found;
    if (lstat(path, &found)) return NULL;
    int length = snprintf(buffer, PATH_MAX, "%s/kept-%llu", store, (unsigned long long)next_number);
    if (length >= PATH_MAX || REAL(link)(path, buffer)) not_modelled("a file that cannot be kept", path);
    return buffer;
}

static int open_tracked(int directory, const char *path, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    const char *full = below(directory, path, buffer);
    if (!full) return REAL(openat)(directory, path, flags, mode);
    if ((flags & O_TMPFILE) == O_TMPFILE) not_modelled("O_TMPFILE", full);
    /* Old bytes are read through the same descriptor: closing another one would drop SQLite's locks. */
    if ((flags & O_ACCMODE) == O_WRONLY) flags = (flags & ~O_ACCMODE) | O_RDWR;
    pthread_mutex_lock(&lock);
    struct stat found;
    int existed = !lstat(full, &found);
    if (!existed && (flags & O_CREAT)) put(CREATE, inode_of_parent(full), 0, 0, full, NULL, NULL, 0);
    int truncates = existed && S_ISREG(found.st_mode) && (flags & O_TRUNC) && !(flags & O_EXCL);
    int fd = REAL(openat)(directory, path, truncates ? flags & ~O_TRUNC : flags, mode);
    int failed = errno;
    struct stat file;
    if (fd >= 0 && !fstat(fd, &file) && S_ISREG(file.st_mode)) {
        track(file.st_ino);
        if (truncates) {
            put_bytes(RESIZE, fd, &file, 0, file.st_size);
            if (REAL(ftruncate)(fd, 0)) not_modelled("a truncation that fails", full);
        }
    }
    pthread_mutex_unlock(&lock);
    errno = failed;
    return fd;
}

#define MODE_ARGUMENT                                        \
    mode_t mode = 0;                                         \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list arguments;                                   \
        va_start(arguments, flags);                          \
        mode = va_arg(arguments, mode_t);                    \
        va_end(arguments);                                   \
    }

EXPORT int open(const char *path, int flags, ...) { MODE_ARGUMENT return open_tracked(AT_FDCWD, path, flags, mode); }
EXPORT int open64(const char *path, int flags, ...) { MODE_ARGUMENT return open_tracked(AT_FDCWD, path, flags, mode); }
EXPORT int openat(int at, const char *path, int flags, ...) { MODE_ARGUMENT return open_tracked(at, path, flags, mode); }
EXPORT int openat64(int at, const char *path, int flags, ...) { MODE_ARGUMENT return open_tracked(at, path, flags, mode); }
EXPORT int creat(const char *path, mode_t mode) { return open_tracked(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
EXPORT int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* `at` below zero: where the descriptor stands. */
static ssize_t write_tracked(int fd, const struct iovec *parts, int count, off_t at) {
    struct stat file;
    if (fd == undo || !is_tracked(fd, &file))
        return at < 0 ? REAL(writev)(fd, parts, count) : REAL(pwritev)(fd, parts, count, at);
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    pthread_mutex_lock(&lock);
    fstat(fd, &file);
    off_t offset = at;
    if (fcntl(fd, F_GETFL) & O_APPEND) offset = file.st_size;
    else if (at < 0) offset = lseek(fd, 0, SEEK_CUR);
    put_bytes(WRITE, fd, &file, offset, length);
    ssize_t written = at < 0 ? REAL(writev)(fd, parts, count) : REAL(pwritev)(fd, parts, count, at);
    int failed = errno;
    pthread_mutex_unlock(&lock);
    errno = failed;
    return written;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat file;
    if (undo < 0 || fd == undo || !is_tracked(fd, &file)) return REAL(write)(fd, bytes, length);
    struct iovec part = {(void *)bytes, length};
    return write_tracked(fd, &part, 1, -1);
}
EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    struct iovec part = {(void *)bytes, length};
    return write_tracked(fd, &part, 1, at);
}
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }
EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) { return write_tracked(fd, parts, count, -1); }
EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_tracked(fd, parts, count, at); }
EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return write_tracked(fd, parts, count, at); }

EXPORT int ftruncate(int fd, off_t length) {
    struct stat file;
    if (!is_tracked(fd, &file)) return REAL(ftruncate)(fd, length);
    pthread_mutex_lock(&lock);
    fstat(fd, &file);
    put_bytes(RESIZE, fd, &file, length, file.st_size > length ? file.st_size - length : 0);
    int result = REAL(ftruncate)(fd, length);
    int failed = errno;
    pthread_mutex_unlock(&lock);
    errno = failed;
    return result;
}
EXPORT int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

static int grow(int fd, off_t offset, off_t length) {
    struct stat file;
    if (is_tracked(fd, &file)) {
        pthread_mutex_lock(&lock);
        fstat(fd, &file);
        put_bytes(RESIZE, fd, &file, file.st_size, 0);
        pthread_mutex_unlock(&lock);
    }
    return REAL(posix_fallocate)(fd, offset, length);
}
EXPORT int posix_fallocate(int fd, off_t offset, off_t length) { return grow(fd, offset, length); }
EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length) { return grow(fd, offset, length); }

static int rename_tracked(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char from_buffer[PATH_MAX], to_buffer[PATH_MAX], kept_buffer[PATH_MAX];
    const char *old = below(from_at, from, from_buffer), *new = below(to_at, to, to_buffer);
    if (!old && !new) return REAL(renameat2)(from_at, from, to_at, to, flags);
    if (!old || !new || (flags & ~RENAME_NOREPLACE)) not_modelled("a rename across the edge", old ? old : new);
    pthread_mutex_lock(&lock);
    const char *kept = flags & RENAME_NOREPLACE ? NULL : keep(new, kept_buffer);
    put(RENAME, inode_of_parent(new), 0, kept != NULL, old, new, kept, kept ? strlen(kept) : 0);
    int result = REAL(renameat2)(from_at, from, to_at, to, flags);
    if (result) not_modelled("a rename that fails", new);
    pthread_mutex_unlock(&lock);
    return result;
}
EXPORT int rename(const char *from, const char *to) { return rename_tracked(AT_FDCWD, from, AT_FDCWD, to, 0); }
EXPORT int renameat(int a, const char *from, int b, const char *to) { return rename_tracked(a, from, b, to, 0); }
EXPORT int renameat2(int a, const char *from, int b, const char *to, unsigned f) { return rename_tracked(a, from, b, to, f); }

static int unlink_tracked(int at, const char *path, int flags) {
    char buffer[PATH_MAX], kept_buffer[PATH_MAX];
    const char *full = below(at, path, buffer);
    if (!full) return REAL(unlinkat)(at, path, flags);
    if (flags & AT_REMOVEDIR) not_modelled("rmdir", full);
    pthread_mutex_lock(&lock);
    const char *kept = keep(full, kept_buffer);
    if (kept) put(UNLINK, inode_of_parent(full), 0, 0, full, kept, NULL, 0);
    int result = REAL(unlinkat)(at, path, flags);
    int failed = errno;
    pthread_mutex_unlock(&lock);
    errno = failed;
    return result;
}
EXPORT int unlink(const char *path) { return unlink_tracked(AT_FDCWD, path, 0); }
EXPORT int unlinkat(int at, const char *path, int flags) { return unlink_tracked(at, path, flags); }
EXPORT int remove(const char *path) { return unlink_tracked(AT_FDCWD, path, 0); }

EXPORT int mkdirat(int at, const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    struct stat found;
    const char *full = below(at, path, buffer);
    if (full && lstat(full, &found)) {
        pthread_mutex_lock(&lock);
        put(MKDIR, inode_of_parent(full), 0, 0, full, NULL, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return REAL(mkdirat)(at, path, mode);
}
EXPORT int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int sync_tracked(int fd, int (*sync)(int)) {
    struct stat file;
    if (undo < 0 || fstat(fd, &file)) return sync(fd);
    int regular = is_tracked(fd, &file);
    if (!regular && !S_ISDIR(file.st_mode)) return sync(fd);
    pthread_mutex_lock(&lock);
    uint64_t covered = next_number; /* what is written while the disk works is not covered */
    pthread_mutex_unlock(&lock);
    if (!access(fail, F_OK)) {
        errno = EIO;
        return -1;
    }
    int pretending = !access(pretend, F_OK);
    int result = pretending ? 0 : sync(fd);
    if (regular && latency) usleep(latency);
    if (result) return result;
    pthread_mutex_lock(&lock);
    put(pretending ? SYNC_PRETENDED : SYNC, file.st_ino, covered, regular, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}
EXPORT int fsync(int fd) { return sync_tracked(fd, REAL(fsync)); }
EXPORT int fdatasync(int fd) { return sync_tracked(fd, REAL(fdatasync)); }

/* What the model does not know. */
static void refuse(int fd, const char *what) {
    struct stat file;
    if (is_tracked(fd, &file)) not_modelled(what, root);
}
EXPORT void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (undo >= 0 && fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE)) refuse(fd, "a writable shared mapping");
    return REAL(mmap)(at, length, protection, flags, fd, offset);
}
EXPORT void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, length, protection, flags, fd, offset);
}
EXPORT ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags) {
    refuse(out, "copy_file_range");
    return REAL(copy_file_range)(in, from, out, to, length, flags);
}
EXPORT int fallocate(int fd, int mode, off_t offset, off_t length) {
    refuse(fd, "fallocate");
    return REAL(fallocate)(fd, mode, offset, length);
}
EXPORT int linkat(int a, const char *from, int b, const char *to, int flags) {
    char buffer[PATH_MAX];
    if (below(b, to, buffer)) not_modelled("a hard link", buffer);
    return REAL(linkat)(a, from, b, to, flags);
}
EXPORT int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
EXPORT int truncate(const char *path, off_t length) {
    char buffer[PATH_MAX];
    if (below(AT_FDCWD, path, buffer)) not_modelled("truncate", buffer);
    return REAL(truncate)(path, length);
}
