/** The module tree, and the layers that several model families share. */
package dev.vitrail.nn;
