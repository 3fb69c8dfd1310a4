/**
 * Classes shared by all model families: the interface of a model and of its configuration, features of several depths,
 * and changes of size. Each family has a package of its own below, {@code layers} holds what several of them use, and
 * {@code zoo} is the catalogue of them all.
 */
package dev.vitrail.models;
