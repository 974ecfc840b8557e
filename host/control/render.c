/* SPDX-License-Identifier: MIT */
/*
 * render.c - an answer as the text that the server sends.
 */
#include "control/render.h"
#include "control/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_line(FILE *out, const struct line *line, const void *record)
{
	fputs(line->word, out);
	fields_write(out, line->fields, line->field_count, record);
	fputc('\n', out);
}

/* memcpy() reads the list's pointer, which is of another type in each list. */
static void write_list(FILE *out, const struct line *line, const struct answer *answer)
{
	const char *list;
	size_t count;

	memcpy(&list, (const char *)answer + line->list, sizeof(list));
	memcpy(&count, (const char *)answer + line->count, sizeof(count));
	for (size_t i = 0; i < count; i++)
		write_line(out, line, list + i * line->record_size);
}

char *render_answer(const struct answer *answer, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	for (unsigned i = 0; i < LINES; i++) {
		if (lines[i].record_size > 0)
			write_list(out, &lines[i], answer);
		else
			write_line(out, &lines[i], answer);
	}
	fputs("end\n", out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

char *render_unknown(size_t *size)
{
	char *text = strdup("error what=unknown-request\n");

	*size = text ? strlen(text) : 0;
	return text;
}
