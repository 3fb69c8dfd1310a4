/**
 * Parquet files, read page by page and written as tables: the only package that knows of the format's libraries. A file
 * is cut into row groups, each column of a row group is a chunk, and a chunk is a row of pages, about a megabyte each.
 */
@NullMarked
package dev.vitrail.parquet;

import org.jspecify.annotations.NullMarked;
