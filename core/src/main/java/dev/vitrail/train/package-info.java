/**
 * Training: optimisers, schedules, losses, averages of weights, and the loop that ties them together and survives a
 * crash.
 */
package dev.vitrail.train;
