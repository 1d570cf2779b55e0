/*
 * A shim for LD_PRELOAD: it sees what a gateway asks of its store's files and of its sockets, in one order.
 *
 *   SHIM_DIR       the data directory; files elsewhere are left alone
 *   SHIM_TRACE     a file that gets one record per call (see below), in the order the kernel did them
 *   SHIM_SYNC_US   every fsync and fdatasync of a store's file takes this much longer
 *   SHIM_BAD_SYNC  a file: while it is there, every sync of a store's log fails with EIO
 *   SHIM_QUOTA     a file that holds a number: writes that would grow the directory beyond so many bytes get ENOSPC
 *   SHIM_READ_ONLY  set: nothing in the directory can be opened for writing
 *
 * A record: kind u32, thread u32, where u64 (offset, or local port << 16 | peer's port), name length u32, data length u32,
 * the file's name without its folder, the data. Kinds: 1 write, 2 truncate, 3 sync begins, 4 sync ended, 5 send, 6 unlink.
 *
 * Order: writes and sends are done and recorded under one lock; a sync is recorded before it begins and after it ended.
 * So a send recorded after "sync ended" really left after it, and a write recorded before "sync begins" is in it.
 *
 *   cc -O2 -shared -fPIC -o preload.so preload.c
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, SYNC_BEGINS, SYNC_ENDED, SEND, UNLINK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char dir[PATH_MAX], quota_path[PATH_MAX], bad_sync[PATH_MAX];
static size_t dir_length;
static int trace = -1;
static useconds_t sync_us;
static int read_only;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("SHIM_DIR");
  if (text) { snprintf(dir, sizeof dir, "%s/", text); dir_length = strlen(dir); }
  if ((text = getenv("SHIM_QUOTA"))) snprintf(quota_path, sizeof quota_path, "%s", text);
  if ((text = getenv("SHIM_BAD_SYNC"))) snprintf(bad_sync, sizeof bad_sync, "%s", text);
  if ((text = getenv("SHIM_SYNC_US"))) sync_us = atoi(text);
  read_only = getenv("SHIM_READ_ONLY") != 0;
  if ((text = getenv("SHIM_TRACE"))) trace = syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The name of a watched file, or 0. `path` has PATH_MAX bytes. */
static const char *watched(int fd, char *path) {
  char link[40];
  if (!dir_length) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return strncmp(path, dir, dir_length) ? 0 : path + dir_length;
}

static void record(uint32_t kind, uint64_t where, const char *name, const struct iovec *data, int parts, size_t length) {
  if (trace < 0) return;
  struct { uint32_t kind, thread; uint64_t where; uint32_t name_length, length; } head = { kind, syscall(SYS_gettid), where, strlen(name), length };
  struct iovec out[16] = { { &head, sizeof head }, { (void *)name, head.name_length } };
  int n = 2;
  for (int i = 0; i < parts && n < 16 && length > 0; i++) {
    out[n] = data[i];
    if (out[n].iov_len > length) out[n].iov_len = length;
    length -= out[n++].iov_len;
  }
  size_t all = 0;
  for (int i = 0; i < n; i++) all += out[i].iov_len;
  if (syscall(SYS_writev, trace, out, n) != (ssize_t)all) { static const char text[] = "preload: the trace could not be written\n"; syscall(SYS_write, 2, text, sizeof text - 1); _exit(99); }
}
static void record_now(uint32_t kind, uint64_t where, const char *name) {
  int kept = errno;
  pthread_mutex_lock(&lock); record(kind, where, name, 0, 0, 0); pthread_mutex_unlock(&lock);
  errno = kept;
}

/* ---- a disk of a given size ---- */

static long long quota(void) {
  char text[32]; int fd = syscall(SYS_openat, AT_FDCWD, quota_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return LLONG_MAX;
  ssize_t n = syscall(SYS_read, fd, text, sizeof text - 1); syscall(SYS_close, fd);
  text[n < 0 ? 0 : n] = 0;
  return atoll(text);
}
static long long used(void) {
  long long sum = 0; DIR *d = opendir(dir); struct dirent *e; struct stat s;
  if (!d) return 0;
  while ((e = readdir(d))) if (!fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) && S_ISREG(s.st_mode)) sum += (s.st_size + 4095) / 4096 * 4096;
  closedir(d);
  return sum;
}
/* Would the file reach `end`, and the directory outgrow the disk? */
static int no_room(int fd, long long end) {
  struct stat s;
  if (!quota_path[0] || fstat(fd, &s) || end <= s.st_size) return 0;
  if (used() + (end + 4095) / 4096 * 4096 - (s.st_size + 4095) / 4096 * 4096 <= quota()) return 0;
  errno = ENOSPC;
  return 1;
}
static int below(const char *path) { return dir_length && (!strncmp(path, dir, dir_length) || !strncmp(path, dir, dir_length - 1)); }
static uint64_t free_blocks(uint64_t block) { long long left = quota() - used(); return left < 0 ? 0 : left / block; }

int statfs(const char *path, struct statfs *s) {
  int r = syscall(SYS_statfs, path, s);
  if (!r && quota_path[0] && below(path)) { s->f_bfree = s->f_bavail = free_blocks(s->f_bsize); s->f_blocks = quota() / s->f_bsize; }
  return r;
}
int statfs64(const char *path, struct statfs64 *s) { return statfs(path, (struct statfs *)s); }

/* ---- files ---- */

static ssize_t write_at(int fd, const void *bytes, size_t n, off64_t at, int positioned) {
  char path[PATH_MAX]; const char *name = watched(fd, path);
  if (!name) return positioned ? syscall(SYS_pwrite64, fd, bytes, n, at) : syscall(SYS_write, fd, bytes, n);
  pthread_mutex_lock(&lock);
  if (!positioned) at = lseek64(fd, 0, SEEK_CUR);
  ssize_t done = no_room(fd, at + n) ? -1 : positioned ? syscall(SYS_pwrite64, fd, bytes, n, at) : syscall(SYS_write, fd, bytes, n);
  int kept = errno;
  struct iovec data = { (void *)bytes, n };
  if (done > 0) record(WRITE, at, name, &data, 1, done);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return done;
}
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) { return write_at(fd, bytes, n, at, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return write_at(fd, bytes, n, at, 1); }

static int truncate_to(int fd, off64_t size) {
  char path[PATH_MAX]; const char *name = watched(fd, path);
  pthread_mutex_lock(&lock);
  int r = syscall(SYS_ftruncate, fd, size), kept = errno;
  if (name && r == 0) record(TRUNCATE, size, name, 0, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return r;
}
int ftruncate64(int fd, off64_t size) { return truncate_to(fd, size); }
int ftruncate(int fd, off_t size) { return truncate_to(fd, size); }

int fallocate(int fd, int mode, off_t at, off_t n) {
  char path[PATH_MAX];
  if (watched(fd, path) && no_room(fd, at + n)) return -1;
  return syscall(SYS_fallocate, fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n) {
  char path[PATH_MAX];
  if (watched(fd, path) && no_room(fd, at + n)) return ENOSPC;
  return syscall(SYS_fallocate, fd, 0, at, n) ? errno : 0;
}
/* The gateway looks posix_fallocate and send up in the C library itself. */
void *dlsym(void *handle, const char *name) {
  static void *(*real)(void *, const char *);
  if (!real) for (const char **v = (const char *[]){ "GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.34", 0 }; *v && !real; v++) real = dlvsym(RTLD_NEXT, "dlsym", *v);
  if (!real) abort();
  if (quota_path[0] && !strcmp(name, "posix_fallocate")) return (void *)posix_fallocate;
  return trace >= 0 && !strcmp(name, "send") ? (void *)send : real(handle, name);
}

/* Read-only: nothing in the directory can be opened for writing. */
static int opened(const char *path, int flags, mode_t mode) {
  if (read_only && dir_length && !strncmp(path, dir, dir_length) && (flags & (O_WRONLY | O_RDWR | O_CREAT))) { errno = EROFS; return -1; }
  return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) { va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); return opened(path, flags, mode); }
int open(const char *path, int flags, ...) { va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); return opened(path, flags, mode); }

int unlink(const char *path) {
  int r = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (r == 0 && dir_length && !strncmp(path, dir, dir_length)) record_now(UNLINK, 0, path + dir_length);
  return r;
}

static int sync_file(int fd, long call) {
  char path[PATH_MAX]; const char *name = watched(fd, path);
  if (!name) return syscall(call, fd);
  size_t n = strlen(name);
  if (bad_sync[0] && n > 4 && !strcmp(name + n - 4, "-wal") && !syscall(SYS_faccessat, AT_FDCWD, bad_sync, F_OK)) { errno = EIO; return -1; }
  record_now(SYNC_BEGINS, 0, name);
  if (sync_us) usleep(sync_us);
  int r = syscall(call, fd);
  if (r == 0) record_now(SYNC_ENDED, 0, name);
  return r;
}
int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

/* ---- sockets ---- */

/* local port << 16 | peer's port of an internet socket, or -1. */
static int64_t ports(int fd) {
  union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } local, peer;
  socklen_t a = sizeof local, b = sizeof peer;
  if (trace < 0 || getsockname(fd, &local.any, &a) || getpeername(fd, &peer.any, &b)) return -1;
  if (local.any.sa_family != AF_INET && local.any.sa_family != AF_INET6) return -1;
  uint16_t here = local.any.sa_family == AF_INET ? local.v4.sin_port : local.v6.sin6_port;
  uint16_t there = peer.any.sa_family == AF_INET ? peer.v4.sin_port : peer.v6.sin6_port;
  return (int64_t)ntohs(here) << 16 | ntohs(there);
}
static ssize_t send_traced(int64_t where, long call, int fd, const struct iovec *data, int parts, long c, long d, long e, long f) {
  pthread_mutex_lock(&lock);
  ssize_t n = syscall(call, fd, parts == 1 && call != SYS_sendmsg && call != SYS_writev ? data->iov_base : (void *)c,
    parts == 1 && call != SYS_sendmsg && call != SYS_writev ? (long)data->iov_len : d, e, f, 0);
  int kept = errno;
  if (n > 0) record(SEND, where, "", data, parts, n);
  pthread_mutex_unlock(&lock);
  errno = kept;
  return n;
}
ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t to_length) {
  int64_t where = ports(fd);
  struct iovec data = { (void *)bytes, n };
  if (where < 0) return syscall(SYS_sendto, fd, bytes, n, flags, to, to_length);
  return send_traced(where, SYS_sendto, fd, &data, 1, 0, 0, flags, 0);
}
ssize_t send(int fd, const void *bytes, size_t n, int flags) { return sendto(fd, bytes, n, flags, 0, 0); }
ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
  int64_t where = ports(fd);
  if (where < 0) return syscall(SYS_sendmsg, fd, m, flags);
  return send_traced(where, SYS_sendmsg, fd, m->msg_iov, m->msg_iovlen, (long)m, flags, 0, 0);
}
ssize_t writev(int fd, const struct iovec *data, int parts) {
  int64_t where = ports(fd);
  if (where < 0) return syscall(SYS_writev, fd, data, parts);
  return send_traced(where, SYS_writev, fd, data, parts, (long)data, parts, 0, 0);
}
ssize_t write(int fd, const void *bytes, size_t n) {
  int64_t where = ports(fd);
  struct iovec data = { (void *)bytes, n };
  if (where < 0) return write_at(fd, bytes, n, 0, 0);
  return send_traced(where, SYS_sendto, fd, &data, 1, 0, 0, MSG_NOSIGNAL, 0);
}
