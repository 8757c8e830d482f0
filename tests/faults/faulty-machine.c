/*
 * A machine that fails, below one process: loaded with LD_PRELOAD, it takes its orders from a small file that is mapped
 * into memory (KAPPA_FAULT_ORDERS), so that they change while the process runs. faulty-machine.ts compiles it and writes
 * the orders; the layout of both must agree.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum call { NONE, WRITE, SYNC, RENAME, UNLINK };
enum moment { BEFORE, HALF_WAY, AFTER };

struct orders {
  int64_t clock_shift_ms;
  int32_t sync_fails; /* 1: every sync of a matching file ends with EIO */
  int32_t kill_call;  /* enum call: the process kills itself there */
  int32_t kill_moment;
  int32_t kill_left; /* passages until then; 1 is the next */
  char path[64];     /* the file's path ends with or contains this */
  char text[32];     /* what is written contains this */
};

static volatile struct orders *orders;

__attribute__((constructor)) static void open_orders(void) {
  const char *path = getenv("KAPPA_FAULT_ORDERS");
  int file = path == NULL ? -1 : open(path, O_RDWR);
  if (file < 0) return;
  void *place = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (place != MAP_FAILED) orders = place;
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int path_matches(const char *path) { return strstr(path, (const char *)orders->path) != NULL; }

static int file_matches(int file) {
  char link[40], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return path_matches(path);
}

static int text_matches(const void *bytes, size_t length) {
  size_t wanted = strlen((const char *)orders->text);
  return wanted == 0 || memmem(bytes, length, (const char *)orders->text, wanted) != NULL;
}

static void die(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) pause();
}

/* Whether this passage is the one at which the process dies. */
static int is_last(enum call call) {
  return orders->kill_call == (int)call && __sync_sub_and_fetch((int32_t *)&orders->kill_left, 1) == 0;
}

static int is_watched(enum call call) { return orders != NULL && orders->kill_call == (int)call && orders->kill_left > 0; }

#define WRITING(file, bytes, length, half, whole) \
  if (!is_watched(WRITE) || !file_matches(file) || !text_matches(bytes, length) || !is_last(WRITE)) return whole; \
  if (orders->kill_moment == HALF_WAY) (void)!half; \
  if (orders->kill_moment == AFTER) (void)!whole; \
  die(); \
  return -1

ssize_t write(int file, const void *bytes, size_t length) {
  REAL(write);
  WRITING(file, bytes, length, real(file, bytes, length / 2), real(file, bytes, length));
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  REAL(pwrite);
  WRITING(file, bytes, length, real(file, bytes, length / 2, at), real(file, bytes, length, at));
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  REAL(pwrite64);
  WRITING(file, bytes, length, real(file, bytes, length / 2, at), real(file, bytes, length, at));
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(writev);
  WRITING(file, parts[0].iov_base, parts[0].iov_len, real(file, parts, 1), real(file, parts, count));
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
  REAL(pwritev);
  WRITING(file, parts[0].iov_base, parts[0].iov_len, real(file, parts, 1, at), real(file, parts, count, at));
}

#define SYNCING(file, whole) \
  if (orders != NULL && orders->sync_fails && file_matches(file)) { \
    errno = EIO; \
    return -1; \
  } \
  if (!is_watched(SYNC) || !file_matches(file) || !is_last(SYNC)) return whole; \
  if (orders->kill_moment == AFTER) (void)!whole; \
  die(); \
  return -1

int fsync(int file) {
  REAL(fsync);
  SYNCING(file, real(file));
}

int fdatasync(int file) {
  REAL(fdatasync);
  SYNCING(file, real(file));
}

#define NAMING(call, path, whole) \
  if (!is_watched(call) || !path_matches(path) || !is_last(call)) return whole; \
  if (orders->kill_moment == AFTER) (void)!whole; \
  die(); \
  return -1

int rename(const char *from, const char *to) {
  REAL(rename);
  NAMING(RENAME, to, real(from, to));
}

int unlink(const char *path) {
  REAL(unlink);
  NAMING(UNLINK, path, real(path));
}

/* Straight to the system: looking a symbol up may ask for the time. */
int clock_gettime(clockid_t clock, struct timespec *time) {
  if (syscall(SYS_clock_gettime, clock, time) != 0) return -1;
  if (orders != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += orders->clock_shift_ms / 1000;
  return 0;
}

int gettimeofday(struct timeval *time, void *zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *place) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (place != NULL) *place = now.tv_sec;
  return now.tv_sec;
}
