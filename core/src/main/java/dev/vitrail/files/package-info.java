/** Files written so that a crash, a full disk or an interruption never costs what was there before. */
package dev.vitrail.files;
