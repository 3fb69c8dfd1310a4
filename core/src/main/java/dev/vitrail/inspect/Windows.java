package dev.vitrail.inspect;

/**
 * Swin's windows over a map: which cells are together in one, after the cyclic shift and padding (Liu et al., 2021,
 * arXiv:2103.14030, section 3.2).
 *
 * @param mapHeight rows of the map
 * @param mapWidth columns of the map
 * @param height rows of a window
 * @param width columns of a window
 * @param shiftRows rows that the map is rolled by before it is cut
 * @param shiftColumns columns that the map is rolled by
 */
public record Windows(int mapHeight, int mapWidth, int height, int width, int shiftRows, int shiftColumns) {
    /** Windows above each other; the last may be padded. */
    public int rows() {
        return (mapHeight + height - 1) / height;
    }

    /** Windows beside each other; the last may be padded. */
    public int columns() {
        return (mapWidth + width - 1) / width;
    }

    /** Windows of the map. */
    public int count() {
        return rows() * columns();
    }

    /** Tokens of a window. */
    public int tokens() {
        return height * width;
    }

    /** The cell of the map at each place of each window, {@code [windows][tokens]}; −1 for padding. */
    public int[][] cells() {
        var cells = new int[count()][tokens()];
        for (int window = 0; window < cells.length; window++) {
            for (int place = 0; place < tokens(); place++) {
                int row = window / columns() * height + place / width;
                int column = window % columns() * width + place % width;
                cells[window][place] = row >= mapHeight || column >= mapWidth
                        ? -1
                        : (row + shiftRows) % mapHeight * mapWidth + (column + shiftColumns) % mapWidth;
            }
        }
        return cells;
    }
}
