package dev.vitrail.models;

import java.util.List;

/**
 * A model that took over the parameters of another.
 *
 * @param model of the new configuration, with the parameters' values, in the mode (training or evaluation)
 *     of the former
 * @param notes sentences for a person about what was fitted
 */
public record Resized(Model model, List<String> notes) {}
