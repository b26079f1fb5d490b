/* The two products of `quick`, compiled: see there for what they are. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1 /* of what the functions take and how terms are hashed; `quick.py` asks for it */
#define KNOWN 65536 /* characters whose kind is told */
#define SEED 1469598103934665603ULL /* FNV-1a, over characters */
#define PRIME 1099511628211ULL

enum { OTHER = 0, LETTER = 1, LETTER_AND_DIGIT = 2, DIGIT = 3, SPACE = 4 };
#define IS_LETTER(kind) ((kind) == LETTER || (kind) == LETTER_AND_DIGIT)

static uint64_t
mixed(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0x9E3779B97F4A7C15ULL;
    return hash ^ (hash >> 29);
}

enum { NOT_AS_WANTED = -1, FINE = 0, END_FALLS = 1 };

/* 1 and a view of a contiguous array of this kind (as `struct` names them) and these sizes (-1: any); else 0 and an error. */
static int
opened(PyObject *object, Py_buffer *view, char kind, int ndim, Py_ssize_t first, Py_ssize_t second, int writable)
{
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) < 0)
        return 0;
    char given = view->format == NULL || view->format[0] == 0 || view->format[1] != 0 ? 0 : view->format[0];
    if ((given == 'Q' && view->itemsize == 8) || (given == 'l' && view->itemsize == 4))
        given = given == 'Q' ? 'L' : 'i'; /* other names of the same kinds, on other systems */
    if (given == kind && (kind != 'L' || view->itemsize == 8) && view->ndim == ndim
        && (first < 0 || view->shape[0] == first) && (ndim < 2 || second < 0 || view->shape[1] == second))
        return 1;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "an array of another kind or shape than wanted");
    return 0;
}

static void
odds_of(const Py_buffer *point, const double *weights, const double *intercepts, const double *keep,
        const double *floor, Py_ssize_t heads, Py_ssize_t themes, double *out)
{
    Py_ssize_t total = heads * themes;
    memcpy(out, intercepts, sizeof(double) * total);
    for (Py_ssize_t d = 0; d < point->shape[0]; d++) {
        double x = point->itemsize == 4 ? ((const float *)point->buf)[d] : ((const double *)point->buf)[d];
        const double *row = weights + d * total;
        for (Py_ssize_t j = 0; j < total; j++)
            out[j] += x * row[j];
    }
    for (Py_ssize_t h = 0; h < heads; h++) {
        double *row = out + h * themes, top = row[0], sum = 0.0;
        for (Py_ssize_t j = 1; j < themes; j++)
            top = row[j] > top ? row[j] : top;
        for (Py_ssize_t j = 0; j < themes; j++)
            sum += row[j] = exp(row[j] - top);
        for (Py_ssize_t j = 0; j < themes; j++)
            row[j] = row[j] * (keep[h] / sum) + floor[h];
    }
}

static int
all_finite(const Py_buffer *point)
{
    for (Py_ssize_t d = 0; d < point->shape[0]; d++)
        if (!isfinite(point->itemsize == 4 ? ((const float *)point->buf)[d] : ((const double *)point->buf)[d]))
            return 0;
    return 1;
}

/* What is given once and read at each call: views of arrays, and a number. */
typedef struct {
    Py_buffer views[5];
    int count;
    Py_ssize_t end;
} Held;

static void
let_go(PyObject *capsule)
{
    Held *held = PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
    while (held->count > 0)
        PyBuffer_Release(&held->views[--held->count]);
    free(held);
}

/* A capsule of this name that holds no view yet. */
static PyObject *
holding(const char *name)
{
    Held *held = calloc(1, sizeof(Held));
    PyObject *capsule = held == NULL ? PyErr_NoMemory() : PyCapsule_New(held, name, let_go);
    if (capsule == NULL)
        free(held);
    return capsule;
}

/* Gives the capsule up, with an error. */
static PyObject *
refused(PyObject *capsule, const char *why)
{
    Py_DECREF(capsule);
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, why);
    return NULL;
}

static const char HEADS[] = "forepath.stats.quick.heads", TERMS[] = "forepath.stats.quick.terms";

/* heads(weights, intercepts, keep, floor, end) -> what `odds` takes */
static PyObject *
heads(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 5)
        return PyErr_Format(PyExc_TypeError, "%zd arguments; wanted 5", count);
    PyObject *capsule = holding(HEADS);
    if (capsule == NULL)
        return NULL;
    Held *held = PyCapsule_GetPointer(capsule, HEADS);
    held->end = PyLong_AsSsize_t(args[4]);
    if (PyErr_Occurred())
        return refused(capsule, "");
    while (held->count < 4 && opened(args[held->count], &held->views[held->count], 'd', 2, -1, -1, 0))
        held->count++;
    if (PyErr_Occurred())
        return refused(capsule, "");
    const Py_buffer *v = held->views;
    Py_ssize_t size = v[1].shape[0], themes = v[1].shape[1];
    if (v[0].shape[1] != size * themes || size < 1 || v[2].shape[0] != size || v[2].shape[1] != 1
        || v[3].shape[0] != size || v[3].shape[1] != 1 || held->end < 0 || held->end >= themes)
        return refused(capsule, "heads that do not belong together");
    return capsule;
}

/* odds(heads, point, out) -> int */
static PyObject *
odds(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_buffer point, out;
    if (count != 3)
        return PyErr_Format(PyExc_TypeError, "%zd arguments; wanted 3", count);
    Held *held = PyCapsule_GetPointer(args[0], HEADS);
    if (held == NULL)
        return NULL;
    const Py_buffer *v = held->views;
    Py_ssize_t size = v[1].shape[0], themes = v[1].shape[1];
    if (!opened(args[1], &point, 'f', 1, v[0].shape[0], 0, 0)) {
        PyErr_Clear();
        if (!opened(args[1], &point, 'd', 1, v[0].shape[0], 0, 0)) {
            PyErr_Clear();
            return PyLong_FromLong(NOT_AS_WANTED);
        }
    }
    int found = NOT_AS_WANTED;
    if (opened(args[2], &out, 'd', 2, size, themes, 1)) {
        if (all_finite(&point)) {
            double *to = out.buf;
            odds_of(&point, v[0].buf, v[1].buf, v[2].buf, v[3].buf, size, themes, to);
            found = FINE;
            for (Py_ssize_t h = 1; h < size; h++)
                if (to[h * themes + held->end] < to[(h - 1) * themes + held->end])
                    found = END_FALLS;
        }
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&point);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(found);
}

static int
ascending(const void *a, const void *b)
{
    Py_ssize_t x = *(const Py_ssize_t *)a, y = *(const Py_ssize_t *)b;
    return (x > y) - (x < y);
}

/* Adds up the rows of `table` that `terms` (sorted) name, each weighed by 1 + log(how often); its length. */
static double
summed(const Py_ssize_t *terms, Py_ssize_t count, const Py_buffer *table, double *out)
{
    Py_ssize_t width = table->shape[1];
    double square = 0.0;
    memset(out, 0, sizeof(double) * width);
    for (Py_ssize_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && terms[next] == terms[i];)
            next++;
        const float *row = (const float *)table->buf + terms[i] * width;
        double weight = next == i + 1 ? 1.0 : 1.0 + log((double)(next - i));
        for (Py_ssize_t d = 0; d < width; d++)
            out[d] += weight * row[d];
    }
    for (Py_ssize_t d = 0; d < width; d++)
        square += out[d] * out[d];
    return sqrt(square);
}

/* Looks a hash up in an open table of a power of two places; -1 for a term it does not hold. */
static int32_t
number_of(uint64_t raw, const uint64_t *hashes, const int32_t *numbers, Py_ssize_t places)
{
    uint64_t hash = mixed(raw), place = hash & (uint64_t)(places - 1);
    for (Py_ssize_t tried = 0; tried < places && numbers[place] >= 0; tried++) {
        if (hashes[place] == hash)
            return numbers[place];
        place = (place + 1) & (uint64_t)(places - 1);
    }
    return -1;
}

/* The numbers of the words of a text in lower case and of its pairs of neighbours, as `themes.terms.terms` has them;
   how many, at most twice the length; -1 for characters beyond those whose kind is known. */
static Py_ssize_t
terms_of(const Py_UCS4 *text, Py_ssize_t length, const unsigned char *kinds, const uint64_t *hashes,
         const int32_t *numbers, Py_ssize_t places, Py_ssize_t *out)
{
    Py_ssize_t count = 0, at = 0;
    uint64_t before = 0;
    int any = 0;
    for (Py_ssize_t i = 0; i < length; i++)
        if (text[i] >= KNOWN)
            return -1;
    while (at < length) {
        Py_ssize_t start = at, stop;
        if (IS_LETTER(kinds[text[at]])) {
            while (at < length && IS_LETTER(kinds[text[at]]))
                at++;
            if (at + 1 < length && (text[at] == '\'' || text[at] == 0x2019) && IS_LETTER(kinds[text[at + 1]]))
                for (at++; at < length && IS_LETTER(kinds[text[at]]);)
                    at++;
            stop = at;
        }
        else if (kinds[text[at]] == DIGIT) {
            while (at < length && kinds[text[at]] == DIGIT)
                at++;
            stop = at;
        }
        else if (at == 0) { /* a bullet that opens the text, white space before it aside */
            while (at < length && kinds[text[at]] == SPACE)
                at++;
            if (at == length || (text[at] != '-' && text[at] != '*' && text[at] != 0x2022)) {
                at = 1;
                continue;
            }
            start = at;
            stop = ++at;
        }
        else {
            at++;
            continue;
        }
        uint64_t word = SEED, pair = (before ^ ' ') * PRIME;
        int number = kinds[text[start]] == DIGIT || kinds[text[start]] == LETTER_AND_DIGIT;
        for (Py_ssize_t i = start; i < (number ? start + 1 : stop); i++) {
            Py_UCS4 c = number ? '0' : text[i];
            word = (word ^ c) * PRIME;
            pair = (pair ^ c) * PRIME;
        }
        int32_t found = number_of(word, hashes, numbers, places);
        if (found >= 0)
            out[count++] = found;
        if (any && (found = number_of(pair, hashes, numbers, places)) >= 0)
            out[count++] = found;
        before = word;
        any = 1;
    }
    return count;
}

/* terms(kinds, hashes, numbers, table, vectors) -> what `cosines` takes */
static PyObject *
terms(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    static const char formats[] = {'B', 'L', 'i', 'f', 'f'};
    if (count != 5)
        return PyErr_Format(PyExc_TypeError, "%zd arguments; wanted 5", count);
    PyObject *capsule = holding(TERMS);
    if (capsule == NULL)
        return NULL;
    Held *held = PyCapsule_GetPointer(capsule, TERMS);
    Py_buffer *v = held->views;
    for (int i; (i = held->count) < 5; held->count++)
        if (!opened(args[i], &v[i], formats[i], i < 3 ? 1 : 2, -1, -1, 0))
            return refused(capsule, "");
    Py_ssize_t places = v[1].shape[0];
    int apart = v[0].shape[0] != KNOWN || places < 1 || (places & (places - 1)) != 0 || v[2].shape[0] != places
                || v[3].shape[1] != v[4].shape[0];
    for (Py_ssize_t i = 0; !apart && i < places; i++)
        apart = ((const int32_t *)v[2].buf)[i] >= v[3].shape[0];
    return apart ? refused(capsule, "terms that do not belong together") : capsule;
}

/* cosines(terms, text) -> list, or None */
static PyObject *
cosines(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    PyObject *out = NULL;
    if (count != 2 || !PyUnicode_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "wanted terms, and a text");
    Held *held = PyCapsule_GetPointer(args[0], TERMS);
    if (held == NULL)
        return NULL;
    const Py_buffer *v = held->views;
    Py_ssize_t length = PyUnicode_GetLength(args[1]), width = v[4].shape[0], themes = v[4].shape[1];
    double *sum = malloc(sizeof(double) * (width + themes) + sizeof(Py_ssize_t) * (2 * length + 1)
                         + sizeof(Py_UCS4) * (length + 1));
    if (sum == NULL)
        return PyErr_NoMemory();
    double *found = sum + width;
    Py_ssize_t *numbers = (Py_ssize_t *)(found + themes);
    Py_UCS4 *text = (Py_UCS4 *)(numbers + 2 * length + 1);
    if (PyUnicode_AsUCS4(args[1], text, length + 1, 1) == NULL)
        goto done;
    Py_ssize_t size = terms_of(text, length, v[0].buf, v[1].buf, v[2].buf, v[1].shape[0], numbers);
    if (size < 0) {
        out = Py_NewRef(Py_None);
        goto done;
    }
    qsort(numbers, size, sizeof(Py_ssize_t), ascending);
    double norm = summed(numbers, size, &v[3], sum);
    memset(found, 0, sizeof(double) * themes);
    for (Py_ssize_t d = 0; d < width; d++) {
        const float *row = (const float *)v[4].buf + d * themes;
        for (Py_ssize_t t = 0; t < themes; t++)
            found[t] += sum[d] * row[t];
    }
    out = PyList_New(themes);
    for (Py_ssize_t t = 0; out != NULL && t < themes; t++) {
        PyObject *number = PyFloat_FromDouble(found[t] / (norm > 1e-12 ? norm : 1.0));
        if (number == NULL || PyList_SetItem(out, t, number) < 0)
            Py_CLEAR(out);
    }
done:
    free(sum);
    return out;
}

/* version() -> int */
static PyObject *
version(PyObject *module, PyObject *nothing)
{
    return PyLong_FromLong(VERSION);
}

static PyMethodDef methods[] = {
    {"version", version, METH_NOARGS, NULL},
    {"heads", (PyCFunction)(void (*)(void))heads, METH_FASTCALL, NULL},
    {"odds", (PyCFunction)(void (*)(void))odds, METH_FASTCALL, NULL},
    {"terms", (PyCFunction)(void (*)(void))terms, METH_FASTCALL, NULL},
    {"cosines", (PyCFunction)(void (*)(void))cosines, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_quick", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__quick(void)
{
    return PyModuleDef_Init(&definition);
}
